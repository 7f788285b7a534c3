package lambdarollout

// #include <lambda_rollout.h>
import "C"

import (
	"encoding/json"
	"fmt"
	"time"
)

// Kind is what an event is. New kinds may come: a program passes over those that it does not know.
type Kind string

const (
	// Started: the rollout began, or was taken up again. Always the first.
	Started Kind = "started"
	// Published: a version was published.
	Published Kind = "published"
	// Checked: pre-flight passed, traffic may move.
	Checked Kind = "checked"
	// HookStarted: a hook was started.
	HookStarted Kind = "hook_started"
	// HookFinished: a hook came to its end.
	HookFinished Kind = "hook_finished"
	// Shifted: the canary's weight changed.
	Shifted Kind = "shifted"
	// StepHeld: a step's hold has passed.
	StepHeld Kind = "step_held"
	// AlarmChanged: an alarm was seen in another state.
	AlarmChanged Kind = "alarm_changed"
	// AlarmsUnreadable: the alarms could not be read.
	AlarmsUnreadable Kind = "alarms_unreadable"
	// GateWaiting: the rollout waits for an approval, which is [Rollout.Resume].
	GateWaiting Kind = "gate_waiting"
	// Paused: no shift until it is resumed.
	Paused Kind = "paused"
	// Resumed: resumed, or a gate approved.
	Resumed Kind = "resumed"
	// Drifted: another hand changed the alias.
	Drifted Kind = "drifted"
	// RollingBack: the canary version is being taken out.
	RollingBack Kind = "rolling_back"
	// RolledBack: the canary version takes no traffic any more.
	RolledBack Kind = "rolled_back"
	// Promoted: the canary version has all traffic.
	Promoted Kind = "promoted"
	// Finished: the end. Always the last.
	Finished Kind = "finished"
)

// Event is something that happened in a rollout.
type Event struct {
	// Kind is what happened.
	Kind Kind
	// Seq is the event's number in the rollout: 1, 2, 3 and so on without gaps.
	Seq uint64
	// Time is when it happened, by the rollout's clock, in UTC and to the millisecond.
	Time time.Time
	// Weight is the canary's share of traffic that the event speaks of, 0 to 1; below 0 when it speaks of none.
	Weight float64
	// Cause is the name of the cause, such as "alarm", "hook" or "abort", of RollingBack and, where there is one, Finished.
	Cause string
	// JSON is all of it, as one JSON object without line breaks: what every event log has.
	JSON string
}

// HasWeight tells whether the event speaks of a weight.
func (e Event) HasWeight() bool { return e.Weight >= 0 }

// Decode reads the event's JSON into a value of the program's own, as json.Unmarshal does:
//
//	var shift struct{ From, To string }
//	err := event.Decode(&shift)
func (e Event) Decode(into any) error { return json.Unmarshal([]byte(e.JSON), into) }

// String is the event in a line for people.
func (e Event) String() string {
	line := e.Time.Format(time.RFC3339) + " " + string(e.Kind)
	if e.HasWeight() {
		line += fmt.Sprintf(" %g %%", e.Weight*100)
	}
	if e.Cause != "" {
		line += " " + e.Cause
	}
	return line
}

var kinds = map[C.lro_kind]Kind{
	C.LRO_KIND_STARTED:           Started,
	C.LRO_KIND_PUBLISHED:         Published,
	C.LRO_KIND_CHECKED:           Checked,
	C.LRO_KIND_HOOK_STARTED:      HookStarted,
	C.LRO_KIND_HOOK_FINISHED:     HookFinished,
	C.LRO_KIND_SHIFTED:           Shifted,
	C.LRO_KIND_STEP_HELD:         StepHeld,
	C.LRO_KIND_ALARM_CHANGED:     AlarmChanged,
	C.LRO_KIND_ALARMS_UNREADABLE: AlarmsUnreadable,
	C.LRO_KIND_GATE_WAITING:      GateWaiting,
	C.LRO_KIND_PAUSED:            Paused,
	C.LRO_KIND_RESUMED:           Resumed,
	C.LRO_KIND_DRIFTED:           Drifted,
	C.LRO_KIND_ROLLING_BACK:      RollingBack,
	C.LRO_KIND_ROLLED_BACK:       RolledBack,
	C.LRO_KIND_PROMOTED:          Promoted,
	C.LRO_KIND_FINISHED:          Finished,
}

func readEvent(event *C.lro_event) Event {
	read := Event{
		Kind:   kinds[C.lro_event_kind(event)],
		Seq:    uint64(C.lro_event_seq(event)),
		Time:   time.UnixMilli(int64(C.lro_event_time_ms(event))).UTC(),
		Weight: float64(C.lro_event_weight(event)),
		Cause:  C.GoString(C.lro_event_cause(event)),
		JSON:   C.GoString(C.lro_event_json(event)),
	}
	if read.Kind == "" {
		read.Kind = newerKind(read.JSON)
	}
	return read
}

// newerKind is the kind of an event that this package does not know.
func newerKind(document string) Kind {
	var event struct{ Kind Kind }
	// Without a kind it is no less unknown.
	_ = json.Unmarshal([]byte(document), &event)
	return event.Kind
}
