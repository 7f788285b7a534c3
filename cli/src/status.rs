//! `status`: where an alias sends its traffic now.

use lambda_rollout::Error;
use lambda_rollout::account::{AliasState, Claim, FunctionVersion, Lifecycle};
use lambda_rollout::units::{Qualifier, Weight};
use serde_json::{Value, json};

use crate::args::{AwsArgs, StatusArgs};
use crate::console::{one_line, paint, tone};
use crate::failure::{Failure, print};
use crate::world;

/// One of the alias's versions.
struct Share {
    version: Qualifier,
    weight: Weight,
    /// What the alias has it for.
    role: &'static str,
    /// What Lambda says of it.
    read: Result<FunctionVersion, Error>,
}

/// Prints the alias and its versions.
pub(crate) async fn status(args: &StatusArgs, aws: &AwsArgs) -> Result<u8, Failure> {
    let (function, alias) = &args.target;
    let traffic = world::account_of(function, aws).await?.ports().traffic;
    let state = traffic.read_alias(function, alias).await?;
    let mut shares = Vec::new();
    for (version, weight, role) in versions(&state) {
        // An alias that points somewhere odd is still worth showing.
        let read = traffic.read_version(function, version).await;
        shares.push(Share { version, weight, role, read });
    }
    let commands: Vec<_> = shares
        .iter()
        .filter(|_| !state.routing.is_single())
        .filter_map(|share| {
            let version = share.version.published()?;
            Some((share, aws.on(&format!("lambda-rollout repair {function}:{alias} --to {version}"))))
        })
        .collect();
    let text = if args.json {
        document(args, &state, &shares, &commands).to_string()
    } else {
        lines(args, &state, &shares, &commands).join("\n")
    };
    print(&text)?;
    Ok(0)
}

/// The alias's versions, the own one first, each with its share of the traffic.
fn versions(state: &AliasState) -> Vec<(Qualifier, Weight, &'static str)> {
    let own = state.routing.version;
    match state.routing.additional {
        None => vec![(own, Weight::FULL, "alone")],
        Some((second, weight)) => {
            // A rollout's own routing: the canary is always the additional version.
            let claimed = Claim::find(&state.description).is_some();
            let roles = if claimed { ["stable", "canary"] } else { ["own", "additional"] };
            vec![(own, weight.rest(), roles[0]), (second.into(), weight, roles[1])]
        }
    }
}

fn document(args: &StatusArgs, state: &AliasState, shares: &[Share], commands: &[(&Share, String)]) -> Value {
    let (function, alias) = &args.target;
    let version = |share: &Share| {
        let mut shown = json!({"weight": share.weight, "role": share.role});
        match &share.read {
            Ok(version) => shown["version"] = json!(version),
            Err(error) => {
                shown["version"] = json!({"version": share.version});
                shown["error"] = json!(error.report());
            }
        }
        shown
    };
    let command = |(share, command): &(&Share, String)| json!({"version": share.version, "command": command});
    json!({
        "function": function,
        "alias": alias,
        "weighted": !state.routing.is_single(),
        "revision_id": state.revision_id,
        "moved_by": Claim::find(&state.description),
        "versions": shares.iter().map(version).collect::<Vec<_>>(),
        "repair": commands.iter().map(command).collect::<Vec<_>>(),
    })
}

fn lines(
    args: &StatusArgs,
    state: &AliasState,
    shares: &[Share],
    commands: &[(&Share, String)],
) -> Vec<String> {
    let (function, alias) = &args.target;
    let head = paint(tone::STRONG, format_args!("{function}:{alias}"));
    let split = if state.routing.is_single() { "one version alone" } else { "weighted over two versions" };
    let revision = paint(tone::FAINT, format_args!("  (revision {})", one_line(&state.revision_id)));
    let mut lines = vec![format!("{head} · {split}{revision}")];
    let claim = Claim::find(&state.description);
    if let Some(claim) = &claim {
        lines.push(format!("  {}", paint(tone::WARN, one_line(&format!("claimed by {claim}")))));
    }
    lines.extend(shares.iter().map(version_line));
    if commands.is_empty() {
        return lines;
    }
    lines.push(match &claim {
        Some(claim) => {
            let claim = one_line(&claim.to_string());
            format!("  to do: wait for {claim} to end, or stop it; if it no longer runs, run its plan again, or choose:")
        }
        None => "  to do: run the rollout's plan again; where that is not at hand, choose:".to_owned(),
    });
    lines.extend(commands.iter().map(|(share, command)| {
        let whose = match share.role {
            "own" => "the alias's own version",
            "additional" => "the additional version",
            "stable" => "the stable version",
            _ => "the canary version",
        };
        format!("    {command}   {}", paint(tone::FAINT, format_args!("{whose}, {} now", share.weight)))
    }));
    lines
}

fn version_line(share: &Share) -> String {
    let weight = share.weight.to_string();
    let name = match share.version {
        Qualifier::Published(version) => format!("version {version}"),
        unpublished => unpublished.to_string(),
    };
    let version = match &share.read {
        Ok(version) => version,
        Err(error) => {
            let error = one_line(&error.to_string());
            return format!(
                "  {weight:>7} → {name}  {}",
                paint(tone::WARN, format_args!("could not be read: {error}"))
            );
        }
    };
    let (tone, word) = match version.state {
        Lifecycle::Active => (tone::GOOD, "Active"),
        Lifecycle::Pending => (tone::WARN, "Pending"),
        Lifecycle::Failed => (tone::BAD, "Failed"),
        Lifecycle::Inactive => (tone::WARN, "Inactive"),
        Lifecycle::Other => (tone::WARN, "not ready"),
    };
    let reason = one_line(&version.state_reason);
    let reason = match version.state {
        Lifecycle::Active => String::new(),
        _ if reason.is_empty() || reason == word => String::new(),
        _ => format!(": {reason}"),
    };
    let code = paint(tone::FAINT, format_args!("  (code {})", one_line(&version.code_sha256)));
    format!("  {weight:>7} → {name}  {}{reason}{code}", paint(tone, word))
}
