//! The `lambda-rollout` command.

fn main() -> std::process::ExitCode {
    lambda_rollout_cli::run(std::env::args_os()).into()
}
