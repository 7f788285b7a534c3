package lambdarollout_test

import (
	"context"
	"testing"

	lro "github.com/lambda-rollout/lambda-rollout/go/lambdarollout"
)

// BenchmarkCall makes a call that does nothing any more.
func BenchmarkCall(b *testing.B) {
	rollout := simulate(b, canary, lro.Simulation{}, lro.Options{})
	for b.Loop() {
		if err := rollout.Detach(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStatus asks for the status, which comes as JSON and is read from it.
func BenchmarkStatus(b *testing.B) {
	rollout := simulate(b, canary, lro.Simulation{}, lro.Options{})
	await(b, rollout, lro.Started)
	for b.Loop() {
		if _, err := rollout.Status(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEvent takes events, each with its JSON and with all of a simulated rollout that leads to it.
func BenchmarkEvent(b *testing.B) {
	run, plan := newRuntime(b), parse(b, canary)
	events := 0
	for seed := uint64(1); b.Loop(); seed++ {
		rollout, err := run.Simulate(plan, lro.Simulation{Seed: seed}, lro.Options{})
		must(b, err)
		for _, err := range rollout.Events(context.Background()) {
			must(b, err)
			events++
		}
		must(b, rollout.Close())
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/event")
}
