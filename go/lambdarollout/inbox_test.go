package lambdarollout

import (
	"context"
	"testing"
	"time"
)

func TestWhoWaitsTakesWhatAnotherHasPut(t *testing.T) {
	document := "function = \"f\"\nalias = \"a\"\nstrategy = { kind = \"canary\", percent = 10, interval = \"2d\" }"
	plan, err := ParsePlan(document, TOML)
	if err != nil {
		t.Fatal(err)
	}
	runtime, err := New(RuntimeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer runtime.Close()
	rollout, err := runtime.Simulate(plan, Simulation{Speed: 100}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer rollout.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for event := (Event{}); event.Kind != Shifted; {
		if event, err = rollout.Next(ctx); err != nil {
			t.Fatal(err)
		}
	}
	// From here on the library has nothing to give. Whether the turn or the news comes first is left to chance.
	for range 64 {
		news := rollout.inbox.more()
		rollout.inbox.put(Event{Kind: Paused})
		if err := rollout.advance(ctx, news); err != nil {
			t.Fatal(err)
		}
		if event, err := rollout.Next(ctx); err != nil || event.Kind != Paused {
			t.Fatal(event, err)
		}
	}
}
