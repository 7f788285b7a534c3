package lambdarollout

// #include <lambda_rollout.h>
import "C"

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// AWS is the account that a rollout runs on: the standard AWS configuration (environment, profiles, roles), and what is
// said here over it. The zero value leaves it as it is.
type AWS struct {
	// Region goes ahead of what the plan's ARN, the environment and the profile say.
	Region string
	// Profile goes ahead of AWS_PROFILE.
	Profile string
	// EndpointURL is the endpoint of every service, ahead of AWS_ENDPOINT_URL.
	EndpointURL string
	// AccessKeys are credentials that last as long as the rollout.
	AccessKeys *AccessKeys
}

// AccessKeys are AWS credentials. Printed or encoded as JSON, they tell the key's id alone.
type AccessKeys struct {
	AccessKeyID     string
	SecretAccessKey string `json:"-"`
	SessionToken    string `json:"-"`
}

// String is the key's id.
func (k AccessKeys) String() string { return k.AccessKeyID }

// GoString is as String.
func (k AccessKeys) GoString() string {
	return fmt.Sprintf("lambdarollout.AccessKeys{%q}", k.AccessKeyID)
}

// Simulation is the simulated account that a rollout runs on: a small AWS on a virtual clock. The zero value is a world in
// which nothing goes wrong.
type Simulation struct {
	// Scenario says what befalls the rollout: the name of a scenario that comes with the library ("healthy", "broken",
	// "slow-burn", "no-traffic", "alarm-outage", "bad-day"), or a scenario's TOML text (docs/scenarios.md).
	Scenario string
	// Seed is where the account's chance begins; 0 is the scenario's own. The same seed and program tell the same history.
	Seed uint64
	// Speed is how many virtual seconds a real one shows. With 0 the virtual clock goes in step with the program: it stands
	// still but while the program waits in Next, Events or Wait with nothing to be had.
	Speed float64
}

// Options is what else a rollout is started with. The zero value is fine.
type Options struct {
	// Journal is a file from which another process can carry on: where it tells of a rollout that has not ended, that one is
	// resumed.
	Journal string
	// RolloutID is the rollout's name in events and journal, such as "release-417"; a random one when empty.
	RolloutID string
	// BeforeTraffic is run before the first shift. When it fails, the rollout is refused.
	BeforeTraffic *Hook
	// AfterTraffic is run after all traffic was shifted. When it fails, everything is put back.
	AfterTraffic *Hook
	// Alarms are alarms of the plan that the program reads itself.
	Alarms *AlarmSource
}

// Hook is a check by the program.
type Hook struct {
	// Run does the check, in a goroutine of its own. The context ends when nobody waits for the answer any longer, as after
	// the time-out, and with Rollout.Close, which waits for Run to return.
	//
	// An error, a panic and a report without a verdict count as a failed hook.
	Run func(ctx context.Context, request HookRequest) (HookReport, error)
	// Timeout is how long it may take, in whole milliseconds; 15 minutes when 0.
	Timeout time.Duration
	// Parameters is what else the hook is told, encoded as JSON.
	Parameters any
}

// HookRequest is what a hook is told.
type HookRequest struct {
	// RolloutID is the rollout that asks.
	RolloutID string `json:"rollout_id"`
	// Hook is which one: "before_traffic" or "after_traffic".
	Hook string `json:"hook"`
	// Function is the function that is rolled out.
	Function string `json:"function"`
	// Alias is its alias.
	Alias string `json:"alias"`
	// StableVersion is the version that traffic comes from; empty when the alias is new.
	StableVersion string `json:"stable_version"`
	// CanaryVersion is the version that traffic goes to.
	CanaryVersion string `json:"canary_version"`
	// Weight is the canary's share of traffic at this moment, 0 to 1.
	Weight float64 `json:"weight"`
	// Timeout is how long it may take.
	Timeout time.Duration `json:"-"`
	// Parameters are the hook's own.
	Parameters json.RawMessage `json:"parameters"`
}

// Verdict is what a hook says.
type Verdict uint32

const (
	// Pass: go on.
	Pass Verdict = C.LRO_VERDICT_PASS
	// Fail: put everything back.
	Fail Verdict = C.LRO_VERDICT_FAIL
	// Inconclusive: it cannot tell, and the rollout waits for an approval as at a gate.
	Inconclusive Verdict = C.LRO_VERDICT_INCONCLUSIVE
)

// HookReport is what a hook answers. The reason goes into events.
type HookReport struct {
	Verdict Verdict
	Reason  string
}

// AlarmSource reads alarms in place of CloudWatch.
type AlarmSource struct {
	// Names are the alarms that it reads, all of them in the plan.
	Names []string
	// Read reads these alarms, in a goroutine of its own, and gives those that exist. The context ends when nobody waits for
	// the answer any more, and with Rollout.Close, which waits for Read to return.
	//
	// An error and a panic mean that the alarms cannot be read now. That is neither a pass nor a bad canary: the weight does
	// not rise, and the plan says for how long that is borne.
	Read func(ctx context.Context, names []string) ([]AlarmReading, error)
}

// AlarmState is an alarm's state as CloudWatch has it.
type AlarmState string

const (
	AlarmOK               AlarmState = "OK"
	AlarmFiring           AlarmState = "ALARM"
	AlarmInsufficientData AlarmState = "INSUFFICIENT_DATA"
)

// AlarmReading is an alarm's state and why.
type AlarmReading struct {
	Name   string     `json:"name"`
	State  AlarmState `json:"state"`
	Reason string     `json:"reason"`
	// Since is when it came into this state; zero when that is not known.
	Since time.Time `json:"since,omitzero"`
}

// wireOptions is how the library reads options.
type wireOptions struct {
	AWS       *wireAWS            `json:"aws,omitempty"`
	Seed      uint64              `json:"seed,omitempty"`
	Speed     float64             `json:"speed,omitempty"`
	Journal   string              `json:"journal,omitempty"`
	RolloutID string              `json:"rollout_id,omitempty"`
	Hooks     map[string]wireHook `json:"hooks,omitempty"`
	Alarms    []string            `json:"alarms,omitempty"`
}

type wireAWS struct {
	Region      string          `json:"region,omitempty"`
	Profile     string          `json:"profile,omitempty"`
	EndpointURL string          `json:"endpoint_url,omitempty"`
	AccessKeys  *wireAccessKeys `json:"access_keys,omitempty"`
}

type wireAccessKeys struct {
	AccessKeyID     string `json:"access_key_id"`
	SecretAccessKey string `json:"secret_access_key"`
	SessionToken    string `json:"session_token,omitempty"`
}

type wireHook struct {
	Timeout    string `json:"timeout,omitempty"`
	Parameters any    `json:"parameters,omitempty"`
}

const (
	beforeTraffic = "before_traffic"
	afterTraffic  = "after_traffic"
)

// encode writes the options for the library, over what only one of the two accounts has.
func (o Options) encode(wire wireOptions) (string, error) {
	wire.Journal, wire.RolloutID = o.Journal, o.RolloutID
	wire.Hooks = map[string]wireHook{}
	for moment, hook := range map[string]*Hook{beforeTraffic: o.BeforeTraffic, afterTraffic: o.AfterTraffic} {
		if hook == nil {
			continue
		}
		if hook.Run == nil {
			return "", invalid("the hook " + moment + " has no Run")
		}
		wire.Hooks[moment] = hook.encode()
	}
	if o.Alarms != nil {
		if o.Alarms.Read == nil {
			return "", invalid("the alarm source has no Read")
		}
		wire.Alarms = o.Alarms.Names
	}
	document, err := json.Marshal(wire)
	if err != nil {
		return "", invalid("the options are no JSON: " + err.Error())
	}
	return string(document), nil
}

func (a AWS) encode() *wireAWS {
	wire := &wireAWS{Region: a.Region, Profile: a.Profile, EndpointURL: a.EndpointURL}
	if keys := a.AccessKeys; keys != nil {
		wire.AccessKeys = &wireAccessKeys{keys.AccessKeyID, keys.SecretAccessKey, keys.SessionToken}
	}
	return wire
}

func (h *Hook) encode() wireHook {
	wire := wireHook{Parameters: h.Parameters}
	if h.Timeout != 0 {
		wire.Timeout = fmt.Sprintf("%dms", h.Timeout.Milliseconds())
	}
	return wire
}
