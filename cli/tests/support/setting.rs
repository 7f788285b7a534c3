use std::fs;
use std::process::Command;

use lambda_rollout::RolloutPlan;
use lambda_rollout::account::{AlarmState, Routing};
use lambda_rollout::sim::Scenario;
use lambda_rollout_aws_tests::SimulatedEndpoint;

use super::{Run, command, finished};

/// A canary that holds its first weight for as long as a test takes, with so much time between two looks at its alarm.
pub(crate) fn holding(poll: &str) -> String {
    format!(
        r#"
function = "sample-handler"
alias = "main"
version = "2"
strategy = {{ kind = "canary", percent = 10, interval = "1h" }}
[alarms]
names = ["sample-handler-errors"]
poll = "{poll}"
"#
    )
}

/// A plan's file, and an endpoint with the account that it is for. Its alarm `sample-handler-errors` is quiet.
pub(crate) struct Setting {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) endpoint: SimulatedEndpoint,
}

impl Setting {
    pub(crate) fn new(plan: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("plan.toml");
        fs::write(&path, plan).expect("written");
        let plan = RolloutPlan::from_file(&path).expect("a plan");
        let endpoint = SimulatedEndpoint::start(&plan, &Scenario::default());
        endpoint.set_alarm("sample-handler-errors", AlarmState::Ok, "quiet");
        Self { folder, endpoint }
    }

    pub(crate) fn plan(&self) -> String {
        self.path("plan.toml")
    }

    /// The path of a file in the setting's folder.
    pub(crate) fn path(&self, file: &str) -> String {
        self.folder.path().join(file).to_str().expect("a path in UTF-8").to_owned()
    }

    /// The command against the endpoint, by the standard AWS configuration alone.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = command(args);
        command.env("AWS_ENDPOINT_URL", self.endpoint.url()).env("AWS_REGION", "eu-west-1");
        command.env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "not-to-be-seen");
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Run {
        finished(&self.command(args).output().expect("the binary runs"))
    }

    pub(crate) fn routing(&self) -> Routing {
        self.endpoint.world(|world| world.alias()).expect("the alias exists").routing
    }
}
