//go:build linux

package lambdarollout_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"

	lro "github.com/lambda-rollout/lambda-rollout/go/lambdarollout"
)

// held is what a process holds.
type held struct{ goroutines, descriptors, threads int }

func holdings(t testing.TB) held {
	t.Helper()
	descriptors, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	threads := 0
	names, err := filepath.Glob("/proc/self/task/*/comm")
	must(t, err)
	for _, name := range names {
		// A thread that has ended meanwhile has no name.
		if comm, _ := os.ReadFile(name); strings.HasPrefix(string(comm), "lambda-rollout") {
			threads++
		}
	}
	return held{runtime.NumGoroutine(), len(descriptors), threads}
}

// allThreads counts the threads of the process, Go's own with them.
func allThreads(t testing.TB) int {
	t.Helper()
	threads, err := os.ReadDir("/proc/self/task")
	must(t, err)
	return len(threads)
}

// live makes use of everything, and closes it again.
func live(t testing.TB) {
	run, err := lro.New(lro.RuntimeOptions{WorkerThreads: 3})
	must(t, err)
	var group sync.WaitGroup
	for _, use := range []func(*lro.Rollout){
		func(*lro.Rollout) {},
		func(rollout *lro.Rollout) { must(t, rollout.Detach()) },
		func(rollout *lro.Rollout) {
			must(t, rollout.Abort("enough"))
			end(t, rollout, lro.EndAborted)
		},
		func(rollout *lro.Rollout) {
			group.Add(2)
			go func() { defer group.Done(); rollout.Next(t.Context()) }()
			go func() { defer group.Done(); rollout.Wait(t.Context()) }()
		},
	} {
		alarms := &lro.AlarmSource{Names: []string{"sample-handler-errors"}, Read: quiet}
		rollout, err := run.Simulate(parse(t, lasting), slowly, lro.Options{Alarms: alarms})
		must(t, err)
		await(t, rollout, lro.Shifted)
		use(rollout)
		must(t, rollout.Close())
	}
	begun := make(chan struct{})
	hook := &lro.Hook{Run: func(ctx context.Context, _ lro.HookRequest) (lro.HookReport, error) {
		close(begun)
		<-ctx.Done()
		return lro.HookReport{}, ctx.Err()
	}}
	rollout, err := run.Simulate(parse(t, lasting), slowly, lro.Options{BeforeTraffic: hook})
	must(t, err)
	receive(t, begun)
	must(t, rollout.Close())
	if threads := holdings(t).threads; threads < 3 {
		t.Errorf("the threads of the library are not seen: %d", threads)
	}
	must(t, run.Close())
	group.Wait()
}

func TestNothingIsLeftBehind(t *testing.T) {
	// Nothing is left to the garbage collector.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	// What Go itself keeps, such as its poller's descriptors, is there from the first time on.
	live(t)
	before := holdings(t)
	live(t)
	eventually(t, before, runtime.Gosched)
}

func TestProgramsThatAreStartedInheritNothing(t *testing.T) {
	rollout := simulate(t, lasting, slowly, lro.Options{})
	await(t, rollout, lro.Shifted)
	output, err := exec.Command("ls", "-l", "/proc/self/fd").CombinedOutput()
	must(t, err)
	if strings.Contains(string(output), "socket:") {
		t.Errorf("%s", output)
	}
}

func TestWhatIsForgottenIsCleanedUp(t *testing.T) {
	live(t)
	before := holdings(t)
	func() {
		run, err := lro.New(lro.RuntimeOptions{})
		must(t, err)
		rollout, err := run.Simulate(parse(t, lasting), slowly, lro.Options{})
		must(t, err)
		await(t, rollout, lro.Shifted)
		if now := holdings(t); now.threads <= before.threads || now.descriptors <= before.descriptors {
			t.Errorf("%+v became %+v", before, now)
		}
	}()
	eventually(t, before, runtime.GC)
}

// eventually waits until no more is held than before, doing this meanwhile.
func eventually(t testing.TB, before held, meanwhile func()) {
	t.Helper()
	for ctx := background(t); ; meanwhile() {
		now := holdings(t)
		if now.goroutines <= before.goroutines && now.descriptors <= before.descriptors && now.threads <= before.threads {
			return
		}
		if ctx.Err() != nil {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%+v became %+v\n%s", before, now, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

func TestAThousandRolloutsNeedNoThousandThreads(t *testing.T) {
	const count = 1000
	run := newRuntime(t)
	plan := parse(t, lasting)
	before := allThreads(t)
	var holding, ended sync.WaitGroup
	rollouts := make([]*lro.Rollout, count)
	for i := range rollouts {
		// So slow that two processors have time to spare for all of them.
		rollout, err := run.Simulate(plan, lro.Simulation{Seed: uint64(i + 1), Speed: 2}, lro.Options{})
		must(t, err)
		defer rollout.Close()
		rollouts[i] = rollout
		holding.Add(1)
		ended.Add(1)
		go func() {
			defer ended.Done()
			for event, err := range rollout.Events(background(t)) {
				if err != nil {
					t.Error(err)
				}
				if event.Kind == lro.Shifted && event.Weight == 0.1 {
					holding.Done()
				}
			}
		}()
	}
	holding.Wait()
	waiting := allThreads(t)
	for _, rollout := range rollouts {
		must(t, rollout.Abort("enough"))
	}
	ended.Wait()
	for _, rollout := range rollouts {
		end(t, rollout, lro.EndAborted)
	}
	t.Logf("threads: %d before, %d while %d rollouts are waited on, %d afterwards", before, waiting, count, allThreads(t))
	if most := allThreads(t); most > before+64 {
		t.Errorf("%d threads", most)
	}
}
