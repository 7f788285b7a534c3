package lambdarollout_test

import (
	"context"
	"strings"
	"testing"
	"time"

	lro "github.com/lambda-rollout/lambda-rollout/go/lambdarollout"
)

// canary is a canary of five minutes, on the simulated account a moment.
const canary = `
function = "sample-handler"
alias = "main"
strategy = "Canary10Percent5Minutes"
alarms = { names = ["sample-handler-errors"] }
`

// lasting, shown slowly, still holds its first step when something is done to it.
var (
	lasting = strings.Replace(canary, `"Canary10Percent5Minutes"`, `{ kind = "canary", percent = 10, interval = "2d" }`, 1)
	slowly  = lro.Simulation{Speed: 100}
)

// background ends a test that hangs ahead of the test binary's own time-out.
func background(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func parse(t testing.TB, document string) *lro.Plan {
	t.Helper()
	plan, err := lro.ParsePlan(document, lro.TOML)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func newRuntime(t testing.TB) *lro.Runtime {
	t.Helper()
	runtime, err := lro.New(lro.RuntimeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { runtime.Close() })
	return runtime
}

// simulate starts a rollout on the simulated account.
func simulate(t testing.TB, document string, simulation lro.Simulation, options lro.Options) *lro.Rollout {
	t.Helper()
	rollout, err := newRuntime(t).Simulate(parse(t, document), simulation, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rollout.Close() })
	return rollout
}

// await takes events up to the first of this kind.
func await(t testing.TB, rollout *lro.Rollout, kind lro.Kind) lro.Event {
	t.Helper()
	for event, err := range rollout.Events(background(t)) {
		if err != nil {
			t.Fatal(err)
		}
		if event.Kind == kind {
			return event
		}
	}
	t.Fatalf("the rollout ended without %s", kind)
	return lro.Event{}
}

// end waits for the end, which is to be this one.
func end(t testing.TB, rollout *lro.Rollout, end lro.End) lro.Outcome {
	t.Helper()
	outcome, err := rollout.Wait(background(t))
	if err != nil {
		t.Fatal(err)
	}
	if outcome.End != end {
		t.Fatalf("ended as %s and not %s: %s", outcome.End, end, outcome.JSON)
	}
	return outcome
}

// kinds takes all events that are left.
func kinds(t testing.TB, rollout *lro.Rollout) []lro.Kind {
	t.Helper()
	var kinds []lro.Kind
	for event, err := range rollout.Events(background(t)) {
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, event.Kind)
	}
	return kinds
}

// receive waits for what a goroutine of the test tells.
func receive[T any](t testing.TB, from <-chan T) (told T) {
	t.Helper()
	select {
	case told = <-from:
	case <-background(t).Done():
		t.Fatal("nothing came")
	}
	return told
}
