use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_lambda::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_http_client::Builder as HttpClient;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use lambda_rollout::aws;

/// What is installed from the package index, each at the version that the tests were written with. Without `cbor2` it
/// does not speak what CloudWatch's SDK speaks.
const PACKAGES: [&str; 2] = ["ministack==1.5.33", "cbor2"];

/// An emulator of AWS by other hands, in a process of its own: the second opinion on what the simulated endpoint
/// takes for granted. Dropping it ends it.
///
/// It checks revisions, has versions that are pending first, and runs real handlers in Python. It does not honour
/// weights, and no alarm of it looks at dimensions.
pub struct Ministack {
    url: String,
    child: Child,
}

impl Ministack {
    /// Starts one on a free port of the loopback interface, and installs it first where it is not yet.
    ///
    /// Gives `None`, with the reason on stderr, where it cannot be had: without Python, or without a package index.
    ///
    /// # Panics
    /// When it cannot be had and the variable `CI` is set: there a test may not be skipped.
    #[must_use]
    pub fn start() -> Option<Self> {
        let started = install().and_then(|program| launch(&program));
        match started {
            Ok(ministack) => Some(ministack),
            Err(why) => {
                assert!(std::env::var_os("CI").is_none(), "ministack is needed where CI is set: {why}");
                eprintln!("SKIP: no ministack: {why}");
                None
            }
        }
    }

    /// The SDK's configuration for it.
    #[must_use]
    pub fn sdk_config(&self) -> SdkConfig {
        let credentials = Credentials::new("test", "test", None, None, "tests");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(&self.url)
            // The SDK brings none of its own here.
            .http_client(HttpClient::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https())
            .build()
    }

    /// The library's account at it.
    #[must_use]
    pub fn account(&self) -> aws::Account {
        aws::Account::from_sdk_config(&self.sdk_config()).expect("the Region is there")
    }

    /// Puts this Python source into a ZIP archive as `index.py`, beside nothing else.
    ///
    /// # Panics
    /// When Python cannot.
    #[must_use]
    pub fn archive(folder: &Path, name: &str, source: &str) -> PathBuf {
        let file = folder.join("index.py");
        fs::write(&file, source).expect("the source is written");
        let archive = folder.join(name);
        let mut command = Command::new("python3");
        command.args(["-m", "zipfile", "-c"]).arg(&archive).arg(&file);
        assert!(command.status().is_ok_and(|status| status.success()), "python3 makes an archive");
        archive
    }
}

impl Drop for Ministack {
    /// Asks it to end, so that its handlers end as well, and waits for that.
    fn drop(&mut self) {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ended_already = self.child.kill();
        }
        let _ended = self.child.wait();
    }
}

/// Installs it into a virtual environment below the target directory, once, and gives the program.
fn install() -> Result<PathBuf, String> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    fs::create_dir_all(&target).map_err(|error| error.to_string())?;
    // Tests run side by side, and so may whole test runs.
    let lock = File::create(target.join("ministack.lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    let home = target.join("ministack");
    let done = home.join("installed");
    if fs::read_to_string(&done).is_ok_and(|packages| packages == PACKAGES.join(" ")) {
        return Ok(home.join("bin/ministack"));
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&home))?;
    run(Command::new(home.join("bin/pip"))
        .args(["install", "--quiet", "--disable-pip-version-check"])
        .args(PACKAGES))?;
    fs::write(done, PACKAGES.join(" ")).map_err(|error| error.to_string())?;
    Ok(home.join("bin/ministack"))
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let last = words.lines().last().unwrap_or_default().to_owned();
    Err(format!("{command:?}: {last}"))
}

fn launch(program: &Path) -> Result<Ministack, String> {
    // The port may be taken between its choice and its use; another one is free then.
    try_launch(program).or_else(|_| try_launch(program))
}

fn try_launch(program: &Path) -> Result<Ministack, String> {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    let port = free.map_err(|error| error.to_string())?.port();
    let mut child = Command::new(program)
        .env("BIND_HOST", "127.0.0.1")
        .env("GATEWAY_PORT", port.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    let mut lines = BufReader::new(child.stderr.take().ok_or("no stderr")?).lines();
    let ready = lines.by_ref().map_while(Result::ok).any(|line| line.contains("Running on http"));
    if !ready {
        let _ended = child.wait();
        return Err("it ended before it was ready".to_owned());
    }
    // It stops when nobody reads what it says.
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    Ok(Ministack { url: format!("http://127.0.0.1:{port}"), child })
}
