//! `repair`: settles an alias that somebody left on two versions.

use lambda_rollout::account::Claim;
use lambda_rollout::driver::{self, Repair, RepairEnd};
use serde_json::json;

use crate::args::{AwsArgs, RepairArgs};
use crate::console::{one_line, paint, tone};
use crate::failure::{Failure, print};
use crate::screen::Screen;
use crate::world;

/// Settles the alias and says what was found and what came of it.
pub(crate) async fn repair(args: &RepairArgs, aws: &AwsArgs, screen: &Screen) -> Result<u8, Failure> {
    let (function, alias) = &args.target;
    let ports = world::account_of(function, aws).await?.ports();
    let repair = driver::repair(function, alias, args.to, ports).await.map_err(Failure::refused)?;
    let code = match repair.end {
        RepairEnd::Drifted { .. } | RepairEnd::Unsettled { .. } => 5,
        _ => 0,
    };
    if args.json {
        print(&document(args, &repair).to_string())?;
    } else {
        screen.write({
            let lines = lines(args, &repair);
            move |_| lines.join("\n")
        });
    }
    Ok(code)
}

fn document(args: &RepairArgs, repair: &Repair) -> serde_json::Value {
    let (function, alias) = &args.target;
    let (end, cause, advice) = match &repair.end {
        RepairEnd::NothingToDo => ("nothing_to_do", None, None),
        RepairEnd::Drifted { cause } => ("drifted", Some(cause), None),
        RepairEnd::Unsettled { advice } => ("unsettled", None, Some(advice)),
        _ => ("settled", None, None),
    };
    json!({
        "function": function,
        "alias": alias,
        "to": args.to,
        "found": repair.found.routing,
        "moved_by": Claim::find(&repair.found.description),
        "end": end,
        "cause": cause,
        "advice": advice,
    })
}

fn lines(args: &RepairArgs, repair: &Repair) -> Vec<String> {
    let (function, alias) = &args.target;
    let name = format!("{function}:{alias}");
    let found = one_line(&repair.found.routing.to_string());
    let mut lines = vec![format!("{} · found on {found}", paint(tone::STRONG, &name))];
    if let Some(claim) = Claim::find(&repair.found.description) {
        lines.push(format!("  {}", paint(tone::WARN, one_line(&format!("moved by {claim}")))));
    }
    let end = match &repair.end {
        RepairEnd::NothingToDo => {
            paint(tone::GOOD, format_args!("version {} serves alone already", args.to)).to_string()
        }
        RepairEnd::Drifted { cause } => {
            paint(tone::BAD, one_line(&format!("let go, for the alias is not as it was: {cause}")))
                .to_string()
        }
        RepairEnd::Unsettled { advice } => {
            format!("{} {}", paint(tone::BAD, "not settled; this would do it:"), one_line(advice))
        }
        _ => paint(tone::GOOD, format_args!("settled: version {} serves alone", args.to)).to_string(),
    };
    lines.push(format!("  {end}"));
    lines
}
