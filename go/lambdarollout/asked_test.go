package lambdarollout_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	lro "github.com/lambda-rollout/lambda-rollout/go/lambdarollout"
)

func pass(context.Context, lro.HookRequest) (lro.HookReport, error) {
	return lro.HookReport{Verdict: lro.Pass, Reason: "all well"}, nil
}

func quiet(_ context.Context, names []string) (readings []lro.AlarmReading, _ error) {
	for _, name := range names {
		readings = append(readings, lro.AlarmReading{Name: name, State: lro.AlarmOK, Reason: "quiet"})
	}
	return readings, nil
}

func TestAHookIsToldWhatItChecks(t *testing.T) {
	var told []lro.HookRequest
	hook := &lro.Hook{
		Timeout:    90 * time.Second,
		Parameters: map[string]int{"orders": 20},
		Run: func(_ context.Context, request lro.HookRequest) (lro.HookReport, error) {
			told = append(told, request)
			return pass(nil, request)
		},
	}
	rollout := simulate(t, canary, lro.Simulation{}, lro.Options{BeforeTraffic: hook, AfterTraffic: hook, RolloutID: "ro-7"})
	end(t, rollout, lro.EndPromoted)
	if len(told) != 2 {
		t.Fatalf("told %+v", told)
	}
	before, after := told[0], told[1]
	if before.Hook != "before_traffic" || before.Weight != 0 || after.Hook != "after_traffic" || after.Weight != 1 {
		t.Errorf("%+v, %+v", before, after)
	}
	if before.RolloutID != "ro-7" || before.Function != "sample-handler" || before.Alias != "main" ||
		before.StableVersion != "1" || before.CanaryVersion != "2" || before.Timeout != 90*time.Second ||
		string(before.Parameters) != `{"orders":20}` {
		t.Errorf("%+v", before)
	}
}

func TestAHookDecides(t *testing.T) {
	report := func(verdict lro.Verdict, reason string) func(context.Context, lro.HookRequest) (lro.HookReport, error) {
		return func(context.Context, lro.HookRequest) (lro.HookReport, error) {
			return lro.HookReport{Verdict: verdict, Reason: reason}, nil
		}
	}
	for _, test := range []struct {
		name string
		run  func(context.Context, lro.HookRequest) (lro.HookReport, error)
		end  lro.End
		says string
	}{
		{"pass", pass, lro.EndPromoted, ""},
		{"fail", report(lro.Fail, "2 of 20 orders were lost"), lro.EndRefused, "2 of 20 orders were lost"},
		{"error", func(context.Context, lro.HookRequest) (lro.HookReport, error) {
			return lro.HookReport{Verdict: lro.Pass}, errors.New("no \xff network")
		}, lro.EndRefused, "network"},
		{"no verdict", report(0, ""), lro.EndRefused, "`0` is no verdict"},
		{"panic", func(context.Context, lro.HookRequest) (lro.HookReport, error) { panic("oh") }, lro.EndRefused, "panicked: oh"},
		{"goroutine's end", func(context.Context, lro.HookRequest) (lro.HookReport, error) {
			runtime.Goexit()
			return pass(nil, lro.HookRequest{})
		}, lro.EndRefused, "did not return"},
	} {
		t.Run(test.name, func(t *testing.T) {
			rollout := simulate(t, canary, lro.Simulation{}, lro.Options{BeforeTraffic: &lro.Hook{Run: test.run}})
			if outcome := end(t, rollout, test.end); !strings.Contains(outcome.Text, test.says) {
				t.Errorf("%s", outcome.Text)
			}
		})
	}
	t.Run("inconclusive", func(t *testing.T) {
		hook := &lro.Hook{Run: report(lro.Inconclusive, "too few orders")}
		rollout := simulate(t, canary, lro.Simulation{}, lro.Options{AfterTraffic: hook})
		if event := await(t, rollout, lro.GateWaiting); !strings.Contains(event.JSON, "too few orders") {
			t.Error(event.JSON)
		}
		must(t, rollout.Resume())
		end(t, rollout, lro.EndPromoted)
	})
}

func TestAHookThatNobodyWaitsForIsToldSo(t *testing.T) {
	for _, name := range []string{"abort", "close", "detach"} {
		t.Run(name, func(t *testing.T) {
			begun, ended := make(chan struct{}), make(chan struct{})
			hook := &lro.Hook{Run: func(ctx context.Context, request lro.HookRequest) (lro.HookReport, error) {
				close(begun)
				<-ctx.Done()
				close(ended)
				return pass(ctx, request)
			}}
			rollout := simulate(t, lasting, slowly, lro.Options{BeforeTraffic: hook})
			receive(t, begun)
			switch name {
			case "abort":
				must(t, rollout.Abort("enough"))
				end(t, rollout, lro.EndAborted)
			case "close":
				must(t, rollout.Close())
				select {
				case <-ended:
				default:
					t.Error("Close did not wait for the hook")
				}
			case "detach":
				must(t, rollout.Detach())
			}
			receive(t, ended)
		})
	}
}

func TestAnAlarmSourceIsAskedInPlaceOfCloudWatch(t *testing.T) {
	var looks atomic.Int32
	source := &lro.AlarmSource{
		Names: []string{"sample-handler-errors"},
		Read: func(ctx context.Context, names []string) ([]lro.AlarmReading, error) {
			if looks.Add(1) < 5 {
				return quiet(ctx, names)
			}
			return []lro.AlarmReading{{Name: names[0], State: lro.AlarmFiring, Reason: "9 orders wait", Since: time.Now()}}, nil
		},
	}
	rollout := simulate(t, canary, lro.Simulation{}, lro.Options{Alarms: source})
	outcome := end(t, rollout, lro.EndRolledBack)
	if outcome.Cause != "alarm" || !strings.Contains(outcome.Text, "9 orders wait") {
		t.Errorf("%s", outcome.Text)
	}
}

func TestAnAlarmSourceThatFailsIsNoPass(t *testing.T) {
	for _, test := range []struct {
		name string
		read func(context.Context, []string) ([]lro.AlarmReading, error)
		end  lro.End
		says string
	}{
		{"error", func(context.Context, []string) ([]lro.AlarmReading, error) {
			return nil, errors.New("the queue is down")
		}, lro.EndRefused, "the queue is down"},
		{"panic", func(context.Context, []string) ([]lro.AlarmReading, error) { panic("oh") }, lro.EndRefused, "panicked: oh"},
		{"another alarm", func(ctx context.Context, _ []string) ([]lro.AlarmReading, error) {
			return quiet(ctx, []string{"other"})
		}, lro.EndRefused, "`other`"},
		{"no state", func(_ context.Context, names []string) ([]lro.AlarmReading, error) {
			return []lro.AlarmReading{{Name: names[0]}}, nil
		}, lro.EndRefused, "readings"},
		{"none there", func(context.Context, []string) ([]lro.AlarmReading, error) { return nil, nil }, lro.EndRefused, "no such alarm"},
	} {
		t.Run(test.name, func(t *testing.T) {
			source := &lro.AlarmSource{Names: []string{"sample-handler-errors"}, Read: test.read}
			rollout := simulate(t, canary, lro.Simulation{}, lro.Options{Alarms: source})
			if outcome := end(t, rollout, test.end); !strings.Contains(outcome.Text, test.says) {
				t.Errorf("%s", outcome.Text)
			}
		})
	}
}
