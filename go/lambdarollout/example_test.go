package lambdarollout_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/lambda-rollout/lambda-rollout/go/lambdarollout"
)

const plan = `
function = "sample-handler"
alias = "main"
strategy = "Canary10Percent5Minutes"
alarms = { names = ["sample-handler-errors"] }
`

// What a plan does on a bad day, on an account that is not there.
func Example() {
	plan, err := lambdarollout.ParsePlan(plan, lambdarollout.TOML)
	if err != nil {
		log.Fatal(err)
	}
	runtime, err := lambdarollout.New(lambdarollout.RuntimeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer runtime.Close()
	rollout, err := runtime.Simulate(plan, lambdarollout.Simulation{Scenario: "broken"}, lambdarollout.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer rollout.Close()

	ctx := context.Background()
	for event, err := range rollout.Events(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(event)
	}
	outcome, err := rollout.Wait(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(outcome.End, outcome.StableVersion)
	// Output:
	// 2026-01-01T00:00:00Z started
	// 2026-01-01T00:00:00Z published
	// 2026-01-01T00:00:02Z checked 0 %
	// 2026-01-01T00:00:02Z shifted 10 %
	// 2026-01-01T00:02:02Z alarm_changed
	// 2026-01-01T00:02:02Z rolling_back alarm
	// 2026-01-01T00:02:02Z shifted 0 %
	// 2026-01-01T00:02:02Z rolled_back
	// 2026-01-01T00:02:02Z finished alarm
	// rolled_back 1
}

func ExamplePlan_Schedule() {
	plan, err := lambdarollout.PlanFromFile("../../examples/steps.toml")
	if err != nil {
		log.Fatal(err)
	}
	schedule := plan.Schedule()
	for _, step := range schedule.Steps {
		fmt.Printf("%g %% for %s, gate: %t\n", step.Weight*100, step.Hold, step.Gate)
	}
	fmt.Println("all after", schedule.TimeToFull, "and then watched for", schedule.Bake)
	// Output:
	// 0.5 % for 10m0s, gate: false
	// 10 % for 20m0s, gate: false
	// 50 % for 30m0s, gate: true
	// all after 1h0m0s and then watched for 30m0s
}

// Every problem of a plan is told at once, with its place.
func ExampleError() {
	_, err := lambdarollout.ParsePlan("function = \"f\"\nalias = \"a\"\nstrategy = \"Sometimes\"\nbake = 5", lambdarollout.TOML)
	var failure *lambdarollout.Error
	if errors.As(err, &failure) && errors.Is(err, lambdarollout.ErrPlan) {
		var details struct {
			Problems []struct {
				Path string
				Line int
			}
		}
		if err := json.Unmarshal(failure.Details, &details); err != nil {
			log.Fatal(err)
		}
		for _, problem := range details.Problems {
			fmt.Printf("line %d: %s\n", problem.Line, problem.Path)
		}
	}
	// Output:
	// line 3: strategy
	// line 4: bake
}

// A check of the program's own before any traffic moves.
func ExampleHook() {
	plan, err := lambdarollout.ParsePlan(plan, lambdarollout.TOML)
	if err != nil {
		log.Fatal(err)
	}
	runtime, err := lambdarollout.New(lambdarollout.RuntimeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer runtime.Close()
	smokeTest := func(ctx context.Context, request lambdarollout.HookRequest) (lambdarollout.HookReport, error) {
		reason := fmt.Sprintf("version %s loses orders", request.CanaryVersion)
		return lambdarollout.HookReport{Verdict: lambdarollout.Fail, Reason: reason}, nil
	}
	rollout, err := runtime.Simulate(plan, lambdarollout.Simulation{}, lambdarollout.Options{
		BeforeTraffic: &lambdarollout.Hook{Run: smokeTest},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer rollout.Close()
	outcome, err := rollout.Wait(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(outcome.Text)
	// Output: refused: hook before_traffic failed: version 2 loses orders
}

// Ctrl-C and SIGTERM put everything back; a second one ends the program at once.
func ExampleRollout_Abort() {
	plan, err := lambdarollout.PlanFromFile("plan.toml")
	if err != nil {
		log.Fatal(err)
	}
	runtime, err := lambdarollout.New(lambdarollout.RuntimeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer runtime.Close()
	rollout, err := runtime.Start(plan, lambdarollout.AWS{}, lambdarollout.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer rollout.Close()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	outcome, err := rollout.Wait(ctx)
	if ctx.Err() != nil {
		stop()
		if err := rollout.Abort("Ctrl-C"); err != nil {
			log.Print(err)
		}
		outcome, err = rollout.Wait(context.Background())
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(outcome.Text)
}
