//! `status`: where an alias sends its traffic now.

use lambda_rollout::account::{AliasState, Claim, FunctionVersion, Lifecycle};
use lambda_rollout::units::{Qualifier, Weight};
use serde_json::json;

use crate::args::{AwsArgs, StatusArgs};
use crate::console::{one_line, paint, tone};
use crate::failure::{Failure, print};
use crate::world;

/// Prints the alias and its versions.
pub(crate) async fn status(args: &StatusArgs, aws: &AwsArgs) -> Result<u8, Failure> {
    let (function, alias) = &args.target;
    let traffic = world::account_of(function, aws).await?.ports().traffic;
    let state = traffic.read_alias(function, alias).await?;
    let mut versions = Vec::new();
    for (version, share) in shares(&state) {
        versions.push((share, traffic.read_version(function, version).await?));
    }
    if args.json {
        let versions: Vec<_> =
            versions.iter().map(|(share, version)| json!({"weight": share, "version": version})).collect();
        let document = json!({
            "function": function,
            "alias": alias,
            "weighted": !state.routing.is_single(),
            "revision_id": state.revision_id,
            "moved_by": Claim::find(&state.description),
            "versions": versions,
        });
        print(&document.to_string())?;
        return Ok(0);
    }
    let head = paint(tone::STRONG, format_args!("{function}:{alias}"));
    let split = if state.routing.is_single() { "one version alone" } else { "weighted over two versions" };
    let revision = paint(tone::FAINT, format_args!("  (revision {})", one_line(&state.revision_id)));
    let mut lines = vec![format!("{head} · {split}{revision}")];
    if let Some(claim) = Claim::find(&state.description) {
        lines.push(format!("  {}", paint(tone::WARN, one_line(&format!("moved by {claim}")))));
    }
    lines.extend(versions.iter().map(|(share, version)| version_line(*share, version)));
    print(&lines.join("\n"))?;
    Ok(0)
}

/// The alias's versions, the own one first, each with its share of the traffic.
fn shares(state: &AliasState) -> Vec<(Qualifier, Weight)> {
    match state.routing.additional {
        None => vec![(state.routing.version, Weight::FULL)],
        Some((second, weight)) => vec![(state.routing.version, weight.rest()), (second.into(), weight)],
    }
}

fn version_line(share: Weight, version: &FunctionVersion) -> String {
    let (tone, word) = match version.state {
        Lifecycle::Active => (tone::GOOD, "Active"),
        Lifecycle::Pending => (tone::WARN, "Pending"),
        Lifecycle::Failed => (tone::BAD, "Failed"),
        Lifecycle::Inactive => (tone::WARN, "Inactive"),
        Lifecycle::Other => (tone::WARN, "not ready"),
    };
    let reason = match version.state {
        Lifecycle::Active => String::new(),
        _ => format!(": {}", one_line(&version.state_reason)),
    };
    let code = paint(tone::FAINT, format_args!("  (code {})", one_line(&version.code_sha256)));
    let share = share.to_string();
    format!("  {share:>7} → version {}  {}{reason}{code}", version.version, paint(tone, word))
}
