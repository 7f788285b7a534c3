//! What an endpoint saw happen to the alias.

use lambda_rollout::account::Routing;
use serde_json::Value;

use crate::endpoint::{Request, SimulatedEndpoint};

impl SimulatedEndpoint {
    /// Where the alias went, in order; `None` where it was deleted.
    #[must_use]
    pub fn alias_history(&self) -> Vec<Option<Routing>> {
        self.world(|world| world.alias_history().iter().map(|change| change.routing).collect())
    }

    /// What was asked of the alias, in order: `read`, `create`, and for each write its weight, or `only` and its
    /// version.
    #[must_use]
    pub fn alias_calls(&self) -> Vec<String> {
        let told = |request: &Request| match request.operation.as_str() {
            "GetAlias" => Some("read".to_owned()),
            "CreateAlias" => Some("create".to_owned()),
            "UpdateAlias" => {
                let weights = &request.body["RoutingConfig"]["AdditionalVersionWeights"];
                let weight = weights.as_object().and_then(|map| map.values().next()).and_then(Value::as_f64);
                let version = request.body["FunctionVersion"].as_str().unwrap_or_default();
                Some(weight.map_or_else(|| format!("only {version}"), |weight| weight.to_string()))
            }
            _ => None,
        };
        self.requests().iter().filter_map(told).collect()
    }

    /// S1: every write names a revision, and sends its weights.
    ///
    /// # Panics
    /// When one does not.
    #[track_caller]
    pub fn assert_no_blind_write(&self) {
        for request in self.requests_of("UpdateAlias") {
            assert!(request.body["RevisionId"].as_str().is_some_and(|id| !id.is_empty()), "{request:?}");
            assert!(request.body["RoutingConfig"]["AdditionalVersionWeights"].is_object(), "{request:?}");
        }
    }
}
