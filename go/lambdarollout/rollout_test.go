package lambdarollout_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	lro "github.com/lambda-rollout/lambda-rollout/go/lambdarollout"
)

func TestAGoodVersionIsPromoted(t *testing.T) {
	rollout := simulate(t, canary, lro.Simulation{}, lro.Options{})
	var told []lro.Kind
	var last lro.Event
	for event, err := range rollout.Events(background(t)) {
		if err != nil {
			t.Fatal(err)
		}
		var document struct {
			Kind lro.Kind
			Seq  uint64
			At   time.Time
		}
		if err := event.Decode(&document); err != nil {
			t.Fatal(err)
		}
		if document.Kind != event.Kind || document.Seq != event.Seq || !document.At.Equal(event.Time) {
			t.Errorf("%+v is not %s", event, event.JSON)
		}
		if event.Seq != last.Seq+1 || event.Time.Before(last.Time) {
			t.Errorf("%s follows %s", event, last)
		}
		told, last = append(told, event.Kind), event
	}
	want := []lro.Kind{
		lro.Started, lro.Published, lro.Checked, lro.Shifted, lro.StepHeld, lro.Shifted, lro.Promoted, lro.Finished,
	}
	if !reflect.DeepEqual(told, want) {
		t.Errorf("told %s", told)
	}
	outcome := end(t, rollout, lro.EndPromoted)
	if !outcome.Succeeded() || outcome.CanaryVersion != "2" || outcome.Cause != "" || outcome.Calls["write_alias"] != 2 {
		t.Errorf("%+v", outcome)
	}
	if _, err := rollout.Next(t.Context()); err != io.EOF {
		t.Errorf("after the end: %v", err)
	}
	status, err := rollout.Status()
	if err != nil || status.Phase != "done" || status.CanaryVersion != "2" || status.Steps != 1 {
		t.Errorf("%+v, %v", status, err)
	}
}

func TestABrokenVersionIsRolledBack(t *testing.T) {
	rollout := simulate(t, canary, lro.Simulation{Scenario: "broken"}, lro.Options{})
	shifted := await(t, rollout, lro.Shifted)
	if !shifted.HasWeight() || shifted.Weight != 0.1 || !strings.HasSuffix(shifted.String(), "shifted 10 %") {
		t.Errorf("%s %+v", shifted, shifted)
	}
	if event := await(t, rollout, lro.RollingBack); event.Cause != "alarm" || event.HasWeight() {
		t.Errorf("%+v", event)
	}
	outcome := end(t, rollout, lro.EndRolledBack)
	if outcome.Succeeded() || outcome.ExitCode != 4 || outcome.Cause != "alarm" || !outcome.TrafficMoved {
		t.Errorf("%+v", outcome)
	}
	times := outcome.Rollback
	if times == nil || times.Seen <= 0 || times.Decided < 0 || times.Written <= 0 || times.ReadBack <= 0 {
		t.Errorf("%+v", times)
	}
	if !json.Valid([]byte(outcome.JSON)) || !strings.Contains(outcome.Text, "sample-handler-errors") {
		t.Errorf("%+v", outcome)
	}
}

func TestEventsThatNobodyTookAreThereAfterTheEnd(t *testing.T) {
	rollout := simulate(t, canary, lro.Simulation{}, lro.Options{})
	end(t, rollout, lro.EndPromoted)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := rollout.Next(ctx); err != context.Canceled {
		t.Error(err)
	}
	if told := kinds(t, rollout); len(told) != 8 || told[7] != lro.Finished {
		t.Errorf("told %s", told)
	}
}

func TestTheSameSeedTellsTheSameHistory(t *testing.T) {
	history := func(seed uint64) (history string) {
		rollout := simulate(t, canary, lro.Simulation{Scenario: "bad-day", Seed: seed}, lro.Options{})
		for event, err := range rollout.Events(background(t)) {
			if err != nil {
				t.Fatal(err)
			}
			history += event.JSON + "\n"
		}
		return history
	}
	if history(7) != history(7) {
		t.Error("the same seed told two histories")
	}
	if history(7) == history(8) {
		t.Error("two seeds told the same history")
	}
}

func TestCommandsDoWhatTheySay(t *testing.T) {
	t.Run("pause and resume", func(t *testing.T) {
		rollout := simulate(t, canary, lro.Simulation{}, lro.Options{})
		await(t, rollout, lro.Shifted)
		if err := rollout.Resume(); !errors.Is(err, lro.ErrWrongState) {
			t.Errorf("resumed what was not paused: %v", err)
		}
		must(t, rollout.Pause())
		await(t, rollout, lro.Paused)
		if status, err := rollout.Status(); err != nil || !status.Paused || status.Weight != 0.1 {
			t.Errorf("%+v, %v", status, err)
		}
		must(t, rollout.Resume())
		await(t, rollout, lro.Resumed)
		end(t, rollout, lro.EndPromoted)
	})
	t.Run("promote", func(t *testing.T) {
		rollout := simulate(t, canary, lro.Simulation{}, lro.Options{})
		began := await(t, rollout, lro.Shifted)
		must(t, rollout.Promote())
		if event := await(t, rollout, lro.Shifted); event.Weight != 1 || event.Time.Sub(began.Time) > time.Minute {
			t.Errorf("%s after %s", event, began)
		}
		end(t, rollout, lro.EndPromoted)
	})
	t.Run("abort", func(t *testing.T) {
		for reason, said := range map[string]string{"lunch": "lunch", "": "asked for", "a \xff byte": "a \ufffd byte"} {
			rollout := simulate(t, canary, lro.Simulation{}, lro.Options{})
			await(t, rollout, lro.Shifted)
			must(t, rollout.Abort(reason))
			outcome := end(t, rollout, lro.EndAborted)
			if outcome.Cause != "abort" || !outcome.TrafficMoved || !strings.Contains(outcome.Text, said) {
				t.Errorf("%+v", outcome)
			}
			if err := rollout.Abort(reason); !errors.Is(err, lro.ErrWrongState) {
				t.Errorf("aborted after the end: %v", err)
			}
		}
	})
	t.Run("gate", func(t *testing.T) {
		plan := strings.Replace(canary, `"Canary10Percent5Minutes"`,
			`{ kind = "steps", steps = [{ percent = 5, hold = "1m", gate = true }] }`, 1)
		rollout := simulate(t, plan, lro.Simulation{}, lro.Options{})
		await(t, rollout, lro.GateWaiting)
		must(t, rollout.Resume())
		end(t, rollout, lro.EndPromoted)
	})
	t.Run("detach", func(t *testing.T) {
		rollout := simulate(t, canary, lro.Simulation{}, lro.Options{})
		await(t, rollout, lro.Shifted)
		must(t, rollout.Detach())
		if _, err := rollout.Next(t.Context()); err != io.EOF {
			t.Errorf("after letting go: %v", err)
		}
		end(t, rollout, lro.EndPromoted)
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// whileWaiting makes a call and then does what has to end it.
func whileWaiting(t *testing.T, call func() error, wake func()) error {
	t.Helper()
	answer := make(chan error, 1)
	begun := make(chan struct{})
	go func() {
		close(begun)
		answer <- call()
	}()
	<-begun
	wake()
	select {
	case err := <-answer:
		return err
	case <-background(t).Done():
		t.Fatal("nothing woke it")
		return nil
	}
}

func TestAContextEndsTheWaitingAlone(t *testing.T) {
	rollout := simulate(t, lasting, slowly, lro.Options{})
	await(t, rollout, lro.Shifted)
	for name, call := range map[string]func(context.Context) error{
		"next": func(ctx context.Context) error { _, err := rollout.Next(ctx); return err },
		"wait": func(ctx context.Context) error { _, err := rollout.Wait(ctx); return err },
		"events": func(ctx context.Context) error {
			for _, err := range rollout.Events(ctx) {
				return err
			}
			return nil
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		if err := whileWaiting(t, func() error { return call(ctx) }, cancel); err != context.Canceled {
			t.Errorf("%s: %v", name, err)
		}
		if err := call(ctx); err != context.Canceled {
			t.Errorf("%s, with a context that had ended: %v", name, err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Millisecond)
		if err := call(ctx); err != context.DeadlineExceeded {
			t.Errorf("%s, with a time: %v", name, err)
		}
		cancel()
	}
	// It still runs, and its events still come.
	must(t, rollout.Abort("enough"))
	end(t, rollout, lro.EndAborted)
	if told := kinds(t, rollout); told[len(told)-1] != lro.Finished {
		t.Errorf("told %s", told)
	}
}

func TestACancelledWaiterDisturbsNoOther(t *testing.T) {
	rollout := simulate(t, lasting, slowly, lro.Options{})
	await(t, rollout, lro.Shifted)
	var group sync.WaitGroup
	for range 20 {
		group.Add(1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			defer group.Done()
			if _, err := rollout.Wait(ctx); err != context.Canceled {
				t.Error(err)
			}
		}()
		go cancel()
	}
	ended := make(chan lro.End)
	for range 5 {
		go func() {
			outcome, err := rollout.Wait(background(t))
			if err != nil {
				t.Error(err)
			}
			ended <- outcome.End
		}()
	}
	group.Wait()
	must(t, rollout.Abort("enough"))
	for range 5 {
		if end := <-ended; end != lro.EndAborted {
			t.Error(end)
		}
	}
}

func TestEachEventIsGivenOnce(t *testing.T) {
	rollout := simulate(t, canary, lro.Simulation{}, lro.Options{})
	var lock sync.Mutex
	taken := map[uint64]int{}
	var group sync.WaitGroup
	for range 8 {
		group.Add(1)
		go func() {
			defer group.Done()
			for event, err := range rollout.Events(background(t)) {
				if err != nil {
					t.Error(err)
					return
				}
				lock.Lock()
				taken[event.Seq]++
				lock.Unlock()
			}
		}()
	}
	group.Wait()
	for seq := range uint64(8) {
		if taken[seq+1] != 1 {
			t.Errorf("event %d was given %d times", seq+1, taken[seq+1])
		}
	}
}

func TestClosingWakesWhoeverWaits(t *testing.T) {
	rollout := simulate(t, lasting, slowly, lro.Options{})
	await(t, rollout, lro.Shifted)
	var group sync.WaitGroup
	for range 4 {
		group.Add(2)
		go func() {
			defer group.Done()
			if _, err := rollout.Next(background(t)); !errors.Is(err, lro.ErrWrongState) {
				t.Error(err)
			}
		}()
		go func() {
			defer group.Done()
			if _, err := rollout.Wait(background(t)); !errors.Is(err, lro.ErrWrongState) {
				t.Error(err)
			}
		}()
	}
	must(t, rollout.Close())
	group.Wait()
}

func TestWhatIsClosedAnswersAnError(t *testing.T) {
	runtime := newRuntime(t)
	rollout, err := runtime.Simulate(parse(t, canary), lro.Simulation{}, lro.Options{})
	must(t, err)
	for range 2 {
		must(t, rollout.Close())
	}
	for name, err := range map[string]error{
		"pause":   rollout.Pause(),
		"resume":  rollout.Resume(),
		"promote": rollout.Promote(),
		"abort":   rollout.Abort("late"),
		"detach":  rollout.Detach(),
		"status":  second(rollout.Status()),
		"next":    second(rollout.Next(t.Context())),
		"wait":    second(rollout.Wait(t.Context())),
	} {
		if !errors.Is(err, lro.ErrWrongState) || !strings.Contains(err.Error(), "closed") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for range 2 {
		must(t, runtime.Close())
	}
	if _, err := runtime.Simulate(parse(t, canary), lro.Simulation{}, lro.Options{}); !errors.Is(err, lro.ErrWrongState) {
		t.Error(err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestTheEndOfItsRuntimeStopsARollout(t *testing.T) {
	runtime := newRuntime(t)
	rollout, err := runtime.Simulate(parse(t, lasting), slowly, lro.Options{})
	must(t, err)
	defer rollout.Close()
	await(t, rollout, lro.Shifted)
	err = whileWaiting(t, func() error { return second(rollout.Wait(t.Context())) }, func() { runtime.Close() })
	if !errors.Is(err, lro.ErrInternal) {
		t.Error(err)
	}
	if _, err := rollout.Next(t.Context()); err != io.EOF {
		t.Error(err)
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	runtime := newRuntime(t)
	noop := &lro.Hook{Run: pass}
	for _, test := range []struct {
		name       string
		plan       *lro.Plan
		simulation lro.Simulation
		options    lro.Options
		code       lro.Code
		says       string
	}{
		{"no plan", nil, lro.Simulation{}, lro.Options{}, lro.ErrNullArgument, "plan"},
		{"scenario", parse(t, canary), lro.Simulation{Scenario: "colour = 1"}, lro.Options{}, lro.ErrPlan, "colour"},
		{"speed", parse(t, canary), lro.Simulation{Speed: -1}, lro.Options{}, lro.ErrPlan, "speed"},
		{"hook without a function", parse(t, canary), lro.Simulation{}, lro.Options{AfterTraffic: &lro.Hook{}}, lro.ErrInvalidArgument, "after_traffic"},
		{"alarms without a function", parse(t, canary), lro.Simulation{}, lro.Options{Alarms: &lro.AlarmSource{}}, lro.ErrInvalidArgument, "Read"},
		{"alarm of no plan", parse(t, canary), lro.Simulation{}, lro.Options{Alarms: &lro.AlarmSource{Names: []string{"x"}, Read: quiet}}, lro.ErrPlan, "`x`"},
		{"parameters", parse(t, canary), lro.Simulation{}, lro.Options{BeforeTraffic: &lro.Hook{Run: pass, Parameters: func() {}}}, lro.ErrInvalidArgument, "JSON"},
		{"time-out", parse(t, canary), lro.Simulation{}, lro.Options{BeforeTraffic: &lro.Hook{Run: pass, Timeout: -time.Second}}, lro.ErrInvalidArgument, "-1000ms"},
		{"hook of Lambda's", parse(t, canary+"hooks.before_traffic.lambda = \"h\""), lro.Simulation{}, lro.Options{BeforeTraffic: noop}, lro.ErrPlan, "before_traffic"},
		{"rollout id", parse(t, canary), lro.Simulation{}, lro.Options{RolloutID: "no id"}, lro.ErrInvalidArgument, "no id"},
		{"journal", parse(t, canary), lro.Simulation{}, lro.Options{Journal: "/nowhere/j"}, lro.ErrJournal, "/nowhere/j"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := runtime.Simulate(test.plan, test.simulation, test.options)
			if !errors.Is(err, test.code) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%v", err)
			}
		})
	}
	if _, err := lro.New(lro.RuntimeOptions{WorkerThreads: 65}); !errors.Is(err, lro.ErrPlan) {
		t.Error(err)
	}
}
