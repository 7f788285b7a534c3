//! The command line: what may be asked, and the help that explains it.

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{ArgAction, Args, Parser, Subcommand};
use lambda_rollout::units::{AliasName, FunctionRef, Version};

const EXIT_CODES: &str = "\
Exit codes:
  0  promoted, or there was nothing to do
  1  something unexpected, such as no Region; the message says what
  2  the plan or the command line is wrong
  3  refused before any traffic moved, also when AWS cannot be called
  4  rolled back
  5  unsettled, or drifted: a person has to look

AWS is configured as everywhere: environment, profiles, SSO, roles, AWS_ENDPOINT_URL.
Data goes to stdout, everything for people to stderr.";

const RUN_HELP: &str = "\
Examples:
  lambda-rollout run plan.toml                      on AWS
  lambda-rollout run plan.toml --simulate           on the embedded account, a good day
  lambda-rollout run plan.toml --simulate broken    the same with a release that fails
  lambda-rollout run plan.toml --journal r.journal  go on where it stood, should this die

Signals: Ctrl-C, SIGTERM or a closed terminal rolls back and then ends. Further signals within 3 seconds, and \
signals of another kind at any time, change nothing. The same signal again, later than that, waits 5 seconds for the \
rollback, then leaves and says how the alias is (exit 5).

On a terminal, type pause, resume (or r), promote or abort and Enter at any time.

With --json, a reader that goes away or stops reading does not stop the rollout: the events that it misses are \
not written, and a line on stderr says so. At the end both streams are given 5 seconds to take what is left.";

const CHECK_HELP: &str = "\
It ends within 30 seconds: what is not ready by then is named, with exit code 3.

With --json, one object: `function`, `alias`, `exit_code`, `message` (for people), `timed_out`, `events`; `would` \
(what a run does first: `action` is shift, hold or create_alias) where it would go ahead, else `outcome`, \
`cause` and, where the alias has weights, `advice`.

Exit codes: 0 a run would go ahead, or has nothing to do; 2 the plan is wrong; 3 a run would be refused, or not ready.";

const REPAIR_HELP: &str = "\
Where the plan is at hand, run it again instead: it carries on, or rolls back when an alarm fires.
`lambda-rollout status FUNCTION:ALIAS` shows the two versions and which rollout has claimed the alias. Stop a runner \
that is still alive first: it takes the repair for drift, and where the chosen version is its canary it rolls that \
back within a minute. A warning says so where there is a claim.

A version that is Inactive can be chosen: Lambda activates it when it is invoked. `run` refuses it as a canary.

Exit codes: 0 settled, or nothing to do; 3 refused, nothing was written; 5 changed by somebody else meanwhile, \
or not settled: a person has to look.";

const HEADING: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

/// Move live traffic of an AWS Lambda alias from one version to the next, step by step, and put
/// everything back when something looks wrong.
#[derive(Debug, Parser)]
#[command(name = "lambda-rollout", version, after_help = EXIT_CODES, styles = HEADING, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    #[command(flatten)]
    pub(crate) aws: AwsArgs,

    /// Log what the library does to stderr; twice for more, three times for all of it.
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = "Output")]
    pub(crate) verbose: u8,

    /// No live progress line, even on a terminal; a status line every minute instead.
    #[arg(long, global = true, help_heading = "Output")]
    pub(crate) no_progress: bool,

    /// Neither a live progress line nor a status line every minute.
    #[arg(short, long, global = true, help_heading = "Output")]
    pub(crate) quiet: bool,
}

/// Where to find AWS, when the environment does not say or says otherwise.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "AWS")]
pub(crate) struct AwsArgs {
    /// The Region, in place of the configured one.
    #[arg(long, global = true, value_name = "REGION")]
    pub(crate) region: Option<String>,

    /// The profile of the shared AWS configuration to use.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,

    /// Call this endpoint in place of AWS's own, for every service.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
}

impl AwsArgs {
    /// A command line of ours or of the AWS CLI that works on the same account and Region as this one.
    pub(crate) fn on(&self, command: &str) -> String {
        let options =
            [("region", &self.region), ("profile", &self.profile), ("endpoint-url", &self.endpoint_url)];
        let given = options.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        given.fold(command.to_owned(), |line, (name, value)| format!("{line} --{name} {}", quoted(value)))
    }

    /// Advice that may hold such a line, which then works on the same account and Region as this one.
    pub(crate) fn in_advice(&self, advice: &str) -> String {
        let lines = ["aws lambda update-alias", "lambda-rollout repair"];
        lines.iter().fold(advice.to_owned(), |advice, line| advice.replace(line, &self.on(line)))
    }
}

/// The text as one word of a shell's line.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/@%+,=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a plan: shift the traffic, watch, then promote or roll back.
    #[command(after_help = RUN_HELP)]
    Run(RunArgs),

    /// Read a plan and check the account as a run would before any traffic moves. Writes nothing anywhere.
    #[command(after_help = CHECK_HELP)]
    Check(CheckArgs),

    /// Print what a plan would do: its timeline, its calls and the IAM policy that it needs. Calls nothing.
    Show(ShowArgs),

    /// Print where an alias sends its traffic now.
    Status(StatusArgs),

    /// Settle an alias that somebody left on two versions: all its traffic goes to the one that you choose.
    #[command(after_help = REPAIR_HELP)]
    Repair(RepairArgs),

    /// Print the JSON Schema of plans, for editors.
    Schema,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The plan: a .toml, .json, .yaml or .yml file.
    pub(crate) plan: PathBuf,

    #[command(flatten)]
    pub(crate) simulation: SimulationArgs,

    /// Virtual seconds that a real second shows. By itself a simulated run takes a few seconds on a
    /// terminal and no time elsewhere.
    #[arg(long, value_name = "X", requires = "simulate", value_parser = positive, help_heading = "Simulation")]
    pub(crate) speed: Option<f64>,

    /// Write each event to stdout as one line of JSON, as it happens.
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,

    /// Keep a journal in FILE, and carry on what it tells of: after a crash, the same command again goes on in
    /// the same hold and history. It also keeps a second runner out.
    #[arg(long, value_name = "FILE", help_heading = "Journal")]
    pub(crate) journal: Option<PathBuf>,
}

/// Whether to use the embedded account in place of AWS.
#[derive(Debug, Args)]
#[command(next_help_heading = "Simulation")]
pub(crate) struct SimulationArgs {
    /// Use the embedded account, on a virtual clock, in place of AWS. SCENARIO is a shipped one (healthy,
    /// broken, slow-burn, no-traffic, alarm-outage, bad-day) or a scenario file.
    #[arg(long, value_name = "SCENARIO", num_args = 0..=1, default_missing_value = "healthy")]
    pub(crate) simulate: Option<String>,

    /// Draw the simulated chance from this number: the same number, the same run.
    #[arg(long, value_name = "N", requires = "simulate")]
    pub(crate) seed: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The plan: a .toml, .json, .yaml or .yml file.
    pub(crate) plan: PathBuf,

    #[command(flatten)]
    pub(crate) simulation: SimulationArgs,

    /// Print one JSON object.
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The plan: a .toml, .json, .yaml or .yml file.
    pub(crate) plan: PathBuf,

    /// Print one JSON object.
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// The function (its name or ARN), a colon, and the alias.
    #[arg(value_name = "FUNCTION:ALIAS", value_parser = qualified)]
    pub(crate) target: (FunctionRef, AliasName),

    /// Print one JSON object.
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RepairArgs {
    /// The function (its name or ARN), a colon, and the alias.
    #[arg(value_name = "FUNCTION:ALIAS", value_parser = qualified)]
    pub(crate) target: (FunctionRef, AliasName),

    /// The version that shall serve alone: one of the two that the alias is on.
    #[arg(long, value_name = "VERSION")]
    pub(crate) to: Version,

    /// Print one JSON object.
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

fn qualified(text: &str) -> Result<(FunctionRef, AliasName), String> {
    let (function, alias) =
        text.rsplit_once(':').ok_or("the alias is missing; FUNCTION:ALIAS, such as sample-handler:main")?;
    Ok((
        FunctionRef::parse(function).map_err(|invalid| invalid.to_string())?,
        AliasName::parse(alias).map_err(|invalid| invalid.to_string())?,
    ))
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if f64::is_finite(number) && number > 0.0 => Ok(number),
        _ => Err("a number above zero, such as 60".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_names_every_shipped_scenario() {
        let help =
            Cli::command().find_subcommand_mut("run").expect("it is there").render_long_help().to_string();
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        let names: Vec<&str> = lambda_rollout::sim::Scenario::shipped_names().collect();
        assert!(help.contains(&format!("a shipped one ({})", names.join(", "))), "{help}");
    }

    #[test]
    fn advice_works_where_the_command_did() {
        let aws = AwsArgs {
            region: Some("eu-west-1".to_owned()),
            profile: Some("it's mine".to_owned()),
            endpoint_url: None,
        };
        for (said, given) in [
            (
                "aws lambda update-alias --function-name f  # last error: x",
                r"aws lambda update-alias --region eu-west-1 --profile 'it'\''s mine' --function-name f  # last error: x",
            ),
            (
                "only if it no longer runs: lambda-rollout repair f:a --to VERSION",
                r"only if it no longer runs: lambda-rollout repair --region eu-west-1 --profile 'it'\''s mine' f:a --to VERSION",
            ),
            ("wait a little", "wait a little"),
        ] {
            assert_eq!(aws.in_advice(said), given);
            assert_eq!(AwsArgs::default().in_advice(said), said);
        }
    }

    #[test]
    fn the_last_colon_parts_function_from_alias() {
        let (function, alias) = qualified("arn:aws:lambda:eu-west-1:123456789012:function:api:live")
            .expect("an ARN and an alias");
        assert_eq!((function.name(), alias.as_str()), ("api", "live"));
        let (function, alias) = qualified("sample-handler:main").expect("a name and an alias");
        assert_eq!((function.as_str(), alias.as_str()), ("sample-handler", "main"));
        for nonsense in ["sample-handler", "sample-handler:", ":main", "a b:main", "sample-handler:7"] {
            assert!(qualified(nonsense).is_err(), "{nonsense}");
        }
    }
}
