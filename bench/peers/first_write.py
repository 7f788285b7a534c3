"""What a rollout does up to its first write, with boto3: reads, looks at the alarm, shifts."""

import boto3

FUNCTION, ALIAS, CANARY, ALARM = "sample-handler", "main", "2", "sample-handler-errors"

lambda_ = boto3.client("lambda")
alias = lambda_.get_alias(FunctionName=FUNCTION, Name=ALIAS)
stable = alias["FunctionVersion"]
try:
    raise SystemExit(lambda_.get_provisioned_concurrency_config(FunctionName=FUNCTION, Qualifier=ALIAS))
except lambda_.exceptions.ProvisionedConcurrencyConfigNotFoundException:
    pass
for version in (stable, CANARY):
    facts = lambda_.get_function(FunctionName=FUNCTION, Qualifier=version)["Configuration"]
    assert facts["State"] == "Active", facts

cloudwatch = boto3.client("cloudwatch")
alarms = cloudwatch.describe_alarms(AlarmNames=[ALARM], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
assert [alarm["StateValue"] for alarm in alarms["MetricAlarms"]] == ["OK"], alarms

lambda_.update_alias(
    FunctionName=FUNCTION,
    Name=ALIAS,
    FunctionVersion=stable,
    RoutingConfig={"AdditionalVersionWeights": {CANARY: 0.1}},
    RevisionId=alias["RevisionId"],
)
