//! `repair`: settles an alias that somebody left on two versions.

use lambda_rollout::account::{Claim, Lifecycle};
use lambda_rollout::driver::{self, Repair, RepairEnd};
use serde_json::json;

use crate::args::{AwsArgs, RepairArgs};
use crate::console::{one_line, paint, tone};
use crate::failure::{Failure, print};
use crate::screen::{Doing, Screen};
use crate::world;

/// Settles the alias and says what was found and what came of it.
pub(crate) async fn repair(args: &RepairArgs, aws: &AwsArgs, screen: &Screen) -> Result<u8, Failure> {
    let (function, alias) = &args.target;
    let ports = world::account_of(function, aws).await?.ports();
    screen.doing(Some(Box::new(Repairing)));
    let repair = driver::repair(function, alias, args.to, ports).await;
    screen.doing(None);
    let repair = repair.map_err(Failure::refused)?;
    let code = match repair.end {
        RepairEnd::Drifted { .. } | RepairEnd::Unsettled { .. } => 5,
        _ => 0,
    };
    if args.json {
        print(&document(args, aws, &repair).to_string())?;
    } else {
        screen.write({
            let lines = lines(args, aws, &repair);
            move |_| lines.join("\n")
        });
    }
    Ok(code)
}

fn document(args: &RepairArgs, aws: &AwsArgs, repair: &Repair) -> serde_json::Value {
    let (function, alias) = &args.target;
    let (end, cause, advice) = match &repair.end {
        RepairEnd::NothingToDo => ("nothing_to_do", None, None),
        RepairEnd::Drifted { cause } => ("drifted", Some(cause), None),
        RepairEnd::Unsettled { advice } => ("unsettled", None, Some(aws.in_advice(advice))),
        _ => ("settled", None, None),
    };
    json!({
        "function": function,
        "alias": alias,
        "to": args.to,
        "found": repair.found.routing,
        "moved_by": repair.claim,
        "warning": repair.claim.as_ref().map(warning),
        "end": end,
        "cause": cause,
        "advice": advice,
    })
}

/// What a claim on the alias means for a repair.
fn warning(claim: &Claim) -> String {
    format!(
        "claimed by {claim}; if its runner is still alive it undoes this within a minute: stop it first, then repair again"
    )
}

struct Repairing;

impl Doing for Repairing {
    fn live(&self, _: usize) -> String {
        self.still()
    }

    fn still(&self) -> String {
        "still waiting for Lambda to take the write; it is given up after 2m".to_owned()
    }
}

fn lines(args: &RepairArgs, aws: &AwsArgs, repair: &Repair) -> Vec<String> {
    let (function, alias) = &args.target;
    let name = format!("{function}:{alias}");
    let found = one_line(&repair.found.routing.to_string());
    let mut lines = vec![format!("{} · found on {found}", paint(tone::STRONG, &name))];
    if let Some(claim) = &repair.claim {
        lines.push(format!("  {} {}", paint(tone::WARN, "warning:"), one_line(&warning(claim))));
    }
    if repair.chosen.as_ref().is_some_and(|chosen| chosen.state == Lifecycle::Inactive) {
        lines.push(format!("  version {} is Inactive: Lambda activates it when it is invoked", args.to));
    }
    let end = match &repair.end {
        RepairEnd::NothingToDo => {
            paint(tone::GOOD, format_args!("version {} serves alone already", args.to)).to_string()
        }
        RepairEnd::Drifted { cause } => {
            paint(tone::BAD, one_line(&format!("stopped, since the alias was changed meanwhile: {cause}")))
                .to_string()
        }
        RepairEnd::Unsettled { advice } => {
            format!(
                "{} {}",
                paint(tone::BAD, "not settled; this would do it:"),
                one_line(&aws.in_advice(advice))
            )
        }
        _ => paint(tone::GOOD, format_args!("settled: version {} serves alone", args.to)).to_string(),
    };
    lines.push(format!("  {end}"));
    lines
}
