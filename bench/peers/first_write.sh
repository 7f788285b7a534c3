#!/bin/sh
# What a rollout does up to its first write, with the AWS CLI: reads, looks at the alarm, shifts.
set -eu

function=sample-handler alias=main canary=2 alarm=sample-handler-errors

set -- $(aws lambda get-alias --function-name "$function" --name "$alias" \
    --query '[FunctionVersion, RevisionId]' --output text)
stable=$1 revision=$2
if aws lambda get-provisioned-concurrency-config --function-name "$function" --qualifier "$alias"; then exit 1; fi
for version in "$stable" "$canary"; do
    state=$(aws lambda get-function --function-name "$function" --qualifier "$version" \
        --query Configuration.State --output text)
    [ "$state" = Active ]
done
state=$(aws cloudwatch describe-alarms --alarm-names "$alarm" --alarm-types MetricAlarm CompositeAlarm \
    --query 'MetricAlarms[].StateValue' --output text)
[ "$state" = OK ]
exec aws lambda update-alias --function-name "$function" --name "$alias" --function-version "$stable" \
    --routing-config "AdditionalVersionWeights={$canary=0.1}" --revision-id "$revision"
