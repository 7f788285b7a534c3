package lambdarollout_test

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	lro "github.com/lambda-rollout/lambda-rollout/go/lambdarollout"
)

func TestAPlanHasItsSchedule(t *testing.T) {
	for _, test := range []struct {
		name, strategy string
		want           lro.Schedule
	}{
		{"all at once", `strategy = "AllAtOnce"`, lro.Schedule{}},
		{"canary with a bake", "strategy = \"Canary10Percent5Minutes\"\nbake = \"10m\"", lro.Schedule{
			Steps:      []lro.Step{{Weight: 0.1, Hold: 5 * time.Minute}},
			TimeToFull: 5 * time.Minute,
			Bake:       10 * time.Minute,
		}},
		{"gate", `strategy = { kind = "steps", steps = [{ percent = 0.5, hold = "90s", gate = true }] }`, lro.Schedule{
			Steps:      []lro.Step{{Weight: 0.005, Hold: 90 * time.Second, Gate: true}},
			TimeToFull: 90 * time.Second,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			plan := parse(t, "function = \"f\"\nalias = \"a\"\n"+test.strategy)
			if got := plan.Schedule(); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestAPlanIsReadAgainFromItsJSON(t *testing.T) {
	plan := parse(t, canary)
	again, err := lro.ParsePlan(plan.JSON(), lro.JSON)
	if err != nil {
		t.Fatal(err)
	}
	if plan.JSON() != again.JSON() || !json.Valid([]byte(plan.JSON())) {
		t.Errorf("%s became %s", plan.JSON(), again.JSON())
	}
}

func TestAPlanIsReadFromItsFile(t *testing.T) {
	var documents []string
	for _, name := range []string{"canary.toml", "canary.json", "canary.yaml"} {
		plan, err := lro.PlanFromFile(filepath.Join("..", "..", "examples", name))
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, plan.JSON())
	}
	if documents[0] != documents[1] || documents[0] != documents[2] {
		t.Errorf("three formats are three plans: %s", documents)
	}
}

func TestAChangedScheduleIsACopy(t *testing.T) {
	plan := parse(t, canary)
	plan.Schedule().Steps[0].Weight = 1
	if got := plan.Schedule().Steps[0].Weight; got != 0.1 {
		t.Errorf("the plan says %g now", got)
	}
}

func TestAWrongPlanIsRefused(t *testing.T) {
	for _, test := range []struct {
		name, document string
		format         lro.Format
		code           lro.Code
		says           string
	}{
		{"empty", "", lro.TOML, lro.ErrPlan, "function"},
		{"no JSON", "{", lro.JSON, lro.ErrPlan, "JSON"},
		{"unknown key", canary + "colour = 1", lro.TOML, lro.ErrPlan, "colour"},
		{"no UTF-8", "function = \"\xff\"", lro.TOML, lro.ErrInvalidArgument, "UTF-8"},
		{"no format", canary, 9, lro.ErrInvalidArgument, "`9`"},
		{"too long", strings.Repeat("# long\n", 4<<20), lro.TOML, lro.ErrInvalidArgument, "bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			plan, err := lro.ParsePlan(test.document, test.format)
			if plan != nil || !errors.Is(err, test.code) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, %v", plan, err)
			}
		})
	}
}

func TestAnErrorTellsEveryProblem(t *testing.T) {
	_, err := lro.ParsePlan("function = 1\nalias = 2\nstrategy = \"AllAtOnce\"", lro.TOML)
	var failure *lro.Error
	if !errors.As(err, &failure) {
		t.Fatalf("%T is not the package's error", err)
	}
	if failure.Code != lro.ErrPlan || failure.Name != "plan" || failure.Retryable {
		t.Errorf("got %+v", failure)
	}
	var details struct {
		Problems []struct{ Path, Wrong, Right string }
	}
	if err := json.Unmarshal(failure.Details, &details); err != nil || len(details.Problems) != 2 {
		t.Errorf("the details are %s, %v", failure.Details, err)
	}
	if _, err = lro.PlanFromFile("nowhere.toml"); !errors.Is(err, lro.ErrPlan) || errors.Is(err, lro.ErrJournal) {
		t.Errorf("of a file that is not there: %v", err)
	}
}
