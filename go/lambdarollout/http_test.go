package lambdarollout_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	lro "github.com/lambda-rollout/lambda-rollout/go/lambdarollout"
)

// overHTTP is a canary of a fifth of a second, in real time.
const overHTTP = `
function = "sample-handler"
alias = "main"
strategy = { kind = "canary", percent = 10, interval = "200ms" }
[alarms]
names = ["sample-handler-errors"]
poll = "100ms"
`

// endpoint is the project's own AWS as a process.
type endpoint struct{ url string }

func startEndpoint(t testing.TB) endpoint {
	t.Helper()
	program := os.Getenv("LRO_SIMULATED_ENDPOINT")
	if program == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("CI needs LRO_SIMULATED_ENDPOINT, the path of the program simulated-endpoint")
		}
		t.Skip("SKIP: LRO_SIMULATED_ENDPOINT does not say where the program simulated-endpoint is")
	}
	command := exec.Command(program, "--port", "0")
	command.Stderr = os.Stderr
	output, err := command.StdoutPipe()
	must(t, err)
	must(t, command.Start())
	t.Cleanup(func() {
		command.Process.Kill()
		command.Wait()
	})
	line, err := bufio.NewReader(output).ReadString('\n')
	must(t, err)
	e := endpoint{strings.TrimSpace(line)}
	e.setAlarm(t, lro.AlarmOK)
	return e
}

func (e endpoint) post(t testing.TB, path string, query url.Values) {
	t.Helper()
	answer, err := http.Post(e.url+"/_simulated/"+path+"?"+query.Encode(), "", nil)
	must(t, err)
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatal(answer.Status)
	}
}

func (e endpoint) setAlarm(t testing.TB, state lro.AlarmState) {
	t.Helper()
	e.post(t, "alarms/sample-handler-errors", url.Values{"state": {string(state)}, "reason": {"set by the test"}})
}

func (e endpoint) account() lro.AWS {
	keys := &lro.AccessKeys{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "not-to-be-seen"}
	return lro.AWS{Region: "eu-west-1", EndpointURL: e.url, AccessKeys: keys}
}

func (e endpoint) start(t testing.TB, document string, options lro.Options) *lro.Rollout {
	t.Helper()
	rollout, err := newRuntime(t).Start(parse(t, document), e.account(), options)
	must(t, err)
	t.Cleanup(func() { rollout.Close() })
	return rollout
}

func TestOverHTTPAGoodVersionIsPromoted(t *testing.T) {
	rollout := startEndpoint(t).start(t, overHTTP, lro.Options{})
	if told := kinds(t, rollout); len(told) != 8 || told[6] != lro.Promoted {
		t.Errorf("told %s", told)
	}
	end(t, rollout, lro.EndPromoted)
}

func TestOverHTTPAnAlarmRollsBack(t *testing.T) {
	endpoint := startEndpoint(t)
	rollout := endpoint.start(t, strings.Replace(overHTTP, "200ms", "1h", 1), lro.Options{})
	await(t, rollout, lro.Shifted)
	endpoint.setAlarm(t, lro.AlarmFiring)
	outcome := end(t, rollout, lro.EndRolledBack)
	if outcome.Cause != "alarm" || !strings.Contains(outcome.Text, "set by the test") {
		t.Errorf("%+v", outcome)
	}
}

func TestOverHTTPARefusalSaysWhichPermissionIsMissing(t *testing.T) {
	endpoint := startEndpoint(t)
	endpoint.post(t, "faults/GetAlias", url.Values{"fault": {"denied"}})
	rollout := endpoint.start(t, overHTTP, lro.Options{})
	outcome := end(t, rollout, lro.EndRefused)
	if outcome.Cause != "error" || outcome.ExitCode != 3 || !strings.Contains(outcome.Text, "lambda:GetAlias") {
		t.Errorf("%+v", outcome)
	}
}

func TestOverHTTPTheProgramIsAskedAlsoWhileItWaitsForNothing(t *testing.T) {
	hooked, read := make(chan string, 1), make(chan struct{}, 1000)
	options := lro.Options{
		BeforeTraffic: &lro.Hook{Run: func(ctx context.Context, request lro.HookRequest) (lro.HookReport, error) {
			hooked <- request.CanaryVersion
			return pass(ctx, request)
		}},
		Alarms: &lro.AlarmSource{
			Names: []string{"sample-handler-errors"},
			Read: func(ctx context.Context, names []string) ([]lro.AlarmReading, error) {
				read <- struct{}{}
				return quiet(ctx, names)
			},
		},
	}
	rollout := startEndpoint(t).start(t, strings.Replace(overHTTP, "200ms", "1h", 1), options)
	if version := receive(t, hooked); version != "2" {
		t.Error(version)
	}
	for range 5 {
		receive(t, read)
	}
	must(t, rollout.Promote())
	end(t, rollout, lro.EndPromoted)
	if told := kinds(t, rollout); told[0] != lro.Started || told[len(told)-1] != lro.Finished {
		t.Errorf("told %s", told)
	}
}

func TestOverHTTPAHookIsToldThatItsTimeIsUp(t *testing.T) {
	endpoint := startEndpoint(t)
	ended := make(chan struct{})
	hook := &lro.Hook{
		Timeout: 200 * time.Millisecond,
		Run: func(ctx context.Context, request lro.HookRequest) (lro.HookReport, error) {
			// The rollout cannot end yet: its restoring write fails.
			endpoint.post(t, "faults/UpdateAlias", url.Values{"fault": {"throttle"}})
			<-ctx.Done()
			close(ended)
			return pass(ctx, request)
		},
	}
	rollout := endpoint.start(t, overHTTP, lro.Options{AfterTraffic: hook})
	receive(t, ended)
	endpoint.post(t, "faults/UpdateAlias", nil)
	if outcome := end(t, rollout, lro.EndRolledBack); outcome.Cause != "hook" {
		t.Errorf("%+v", outcome)
	}
}

func TestOverHTTPAJournalCarriesOn(t *testing.T) {
	endpoint := startEndpoint(t)
	options := lro.Options{Journal: filepath.Join(t.TempDir(), "journal")}
	run := newRuntime(t)
	first, err := run.Start(parse(t, strings.Replace(overHTTP, "200ms", "1s", 1)), endpoint.account(), options)
	must(t, err)
	shifted := await(t, first, lro.Shifted)
	// As if the program had died.
	must(t, run.Close())
	must(t, first.Close())
	second := endpoint.start(t, strings.Replace(overHTTP, "200ms", "1s", 1), options)
	event, err := second.Next(background(t))
	must(t, err)
	if event.Kind != lro.Started || event.Seq <= shifted.Seq {
		t.Errorf("%s", event.JSON)
	}
	if outcome := end(t, second, lro.EndPromoted); outcome.StableVersion != "1" || outcome.CanaryVersion != "2" {
		t.Errorf("%+v", outcome)
	}
}

func TestASecretIsNotPrinted(t *testing.T) {
	account := endpoint{}.account()
	encoded, err := json.Marshal(account)
	if err != nil {
		t.Fatal(err)
	}
	printed := fmt.Sprintf("%v %+v %#v %s %s", account, account, account, *account.AccessKeys, encoded)
	if strings.Contains(printed, "not-to-be-seen") || !strings.Contains(printed, "AKIDEXAMPLE") {
		t.Error(printed)
	}
	run := newRuntime(t)
	account.Profile = "no such profile"
	_, err = run.Start(parse(t, canary), account, lro.Options{Journal: "/nowhere/journal"})
	if !errors.Is(err, lro.ErrJournal) || strings.Contains(fmt.Sprintf("%+v", err), "not-to-be-seen") {
		t.Error(err)
	}
}
