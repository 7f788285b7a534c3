//! The library and the command over real HTTP, against the simulated account on the loopback interface.
//!
//! `bench-http startup PEERS` takes the `bin` folder of a virtual environment with boto3 and the AWS CLI;
//! `bench-http latency` takes nothing.

#![expect(clippy::disallowed_methods, reason = "a benchmark over real HTTP runs on the real clock")]

mod latency;
mod startup;

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["startup", peers] => startup::measure(Path::new(peers)),
        ["latency"] => latency::measure(),
        _ => Err("`startup PEERS` or `latency` is needed".into()),
    }
}
