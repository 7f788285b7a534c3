package lambdarollout

import "time"

// Status is what a rollout is doing now, for displays. The history is in the events.
type Status struct {
	// RolloutID is the rollout.
	RolloutID string `json:"rollout_id"`
	// At is when this was so.
	At time.Time `json:"at"`
	// Phase is what it is doing, such as "checking", "holding" or "baking".
	Phase string `json:"phase"`
	// Paused says whether it is paused.
	Paused bool `json:"paused"`
	// Step is the step whose weight is held or being written, from 1; 0 before the first.
	Step int `json:"step"`
	// Steps is how many steps below 100 % the plan has.
	Steps int `json:"steps"`
	// Weight is the canary's share of traffic, 0 to 1, as far as is known.
	Weight float64 `json:"weight"`
	// StableVersion is the version that served before; empty as long as it is not known.
	StableVersion string `json:"stable_version"`
	// CanaryVersion is the version that is rolled out; empty as long as it is not known.
	CanaryVersion string `json:"canary_version"`
	// Alarms are the newest states of the alarms.
	Alarms map[string]AlarmState `json:"alarms"`
}
