//! The machine and the simulated account alone: no network, no runtime, one core.

mod growth;
mod heap;
mod memory;
mod speed;
mod still_account;

use lambda_rollout::Error;

#[global_allocator]
static HEAP: heap::CountedHeap = heap::CountedHeap;

fn main() -> Result<(), Error> {
    println!("## Simulated rollouts on one core\n\n{}", speed::measure()?);
    println!("## Growth with the number of steps, each held for a minute\n\n{}", growth::measure()?);
    println!("## Memory of a rollout that holds its first step\n\n{}", memory::measure()?);
    Ok(())
}
