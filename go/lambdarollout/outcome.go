package lambdarollout

// #include <lambda_rollout.h>
import "C"

import "time"

// End is the way in which a rollout ended.
type End string

const (
	// EndPromoted: the canary version has all traffic.
	EndPromoted End = "promoted"
	// EndRolledBack: the canary version was taken out.
	EndRolledBack End = "rolled_back"
	// EndRefused: refused before any traffic moved.
	EndRefused End = "refused"
	// EndAborted: aborted; what had moved was put back.
	EndAborted End = "aborted"
	// EndDrifted: another hand holds the alias.
	EndDrifted End = "drifted"
	// EndUnsettled: the alias could not be brought to one version. A person has to look; Outcome.Advice says what to do.
	EndUnsettled End = "unsettled"
	// EndNothingToDo: there was nothing to do.
	EndNothingToDo End = "nothing_to_do"
)

// Outcome is how a rollout ended.
type Outcome struct {
	// End is which way.
	End End `json:"outcome"`
	// Cause is the name of the cause, such as "alarm", "hook" or "abort"; empty without one.
	Cause string `json:"-"`
	// Text is how it ended and why, in a line for people.
	Text string `json:"-"`
	// ExitCode is what a command would end with: 0 promoted or nothing to do, 3 refused before any traffic moved, 4 rolled
	// back, 5 a person has to look.
	ExitCode int `json:"-"`
	// StableVersion is the version that served before the first write; empty when it was not learnt.
	StableVersion string `json:"stable_version"`
	// CanaryVersion is the version that was rolled out; empty when it was not learnt.
	CanaryVersion string `json:"canary_version"`
	// TrafficMoved says whether the rollout ever wrote a weight, or may have.
	TrafficMoved bool `json:"traffic_moved"`
	// Calls are the calls made, by kind.
	Calls map[string]uint64 `json:"calls"`
	// Rollback is how long each part of a rollback took; nil without one.
	Rollback *RollbackTimes `json:"-"`
	// Advice is the AWS CLI's command that settles the alias, where it is left on two versions.
	Advice string `json:"advice"`
	// JSON is all of it, as one JSON object.
	JSON string `json:"-"`
}

// Succeeded tells whether the canary version serves all traffic now, or already did.
func (o Outcome) Succeeded() bool { return o.ExitCode == 0 }

// RollbackTimes is how long each part of a rollback took. Parts that cannot be told are below 0.
type RollbackTimes struct {
	// Seen is from the alarm's own change of state, by CloudWatch's clock, until it was seen here.
	Seen time.Duration
	// Decided is from there until the restoring write could be sent.
	Decided time.Duration
	// Written is from there until that was acknowledged.
	Written time.Duration
	// ReadBack is from there until the alias, read back, proved it.
	ReadBack time.Duration
}

// takeOutcome reads an outcome that the library has given away, and frees it.
func takeOutcome(outcome *C.lro_outcome) (Outcome, error) {
	defer C.lro_outcome_free(outcome)
	read := Outcome{
		Cause:    C.GoString(C.lro_outcome_cause(outcome)),
		Text:     C.GoString(C.lro_outcome_text(outcome)),
		ExitCode: int(C.lro_outcome_exit_code(outcome)),
		JSON:     C.GoString(C.lro_outcome_json(outcome)),
	}
	wire := struct {
		*Outcome
		Rollback *struct {
			Seen     *int64 `json:"seen_ms"`
			Decided  int64  `json:"decided_ms"`
			Written  int64  `json:"written_ms"`
			ReadBack *int64 `json:"read_back_ms"`
		} `json:"rollback"`
	}{Outcome: &read}
	if err := decode(read.JSON, &wire); err != nil {
		return Outcome{}, err
	}
	if times := wire.Rollback; times != nil {
		read.Rollback = &RollbackTimes{
			Seen:     perhapsMillis(times.Seen),
			Decided:  millis(times.Decided),
			Written:  millis(times.Written),
			ReadBack: perhapsMillis(times.ReadBack),
		}
	}
	return read, nil
}

func perhapsMillis(count *int64) time.Duration {
	if count == nil {
		return -1
	}
	return millis(*count)
}
