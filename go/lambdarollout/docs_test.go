package lambdarollout_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	lro "github.com/lambda-rollout/lambda-rollout/go/lambdarollout"
)

const module = "github.com/lambda-rollout/lambda-rollout/go/lambdarollout"

var program = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

// programs builds what docs/go.md shows, in a module of its own as a user has it, and gives the commands by their order.
func programs(t *testing.T) []string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "go.md"))
	must(t, err)
	here, err := os.Getwd()
	must(t, err)
	folder := t.TempDir()
	manifest := "module docs\ngo 1.24\nrequire " + module + " v0.1.0\nreplace " + module + " => " + here + "\n"
	must(t, os.WriteFile(filepath.Join(folder, "go.mod"), []byte(manifest), 0o600))
	var commands []string
	for _, code := range program.FindAllSubmatch(page, -1) {
		name := string(rune('a' + len(commands)))
		must(t, os.Mkdir(filepath.Join(folder, name), 0o700))
		must(t, os.WriteFile(filepath.Join(folder, name, "main.go"), code[1], 0o600))
		commands = append(commands, filepath.Join(folder, "bin", name))
	}
	for _, arguments := range [][]string{{"vet", "./..."}, {"build", "-o", "bin/", "./..."}} {
		build := exec.Command("go", arguments...)
		build.Dir = folder
		if output, err := build.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", arguments, err, output)
		}
	}
	return commands
}

func TestTheProgramsOfThePageRun(t *testing.T) {
	commands := programs(t)
	if len(commands) != 3 {
		t.Fatalf("the page has %d programs", len(commands))
	}
	first, onAWS, checks := commands[0], commands[1], commands[2]
	t.Run("first", func(t *testing.T) {
		says(t, exec.Command(first), 4, "rolling_back alarm", "rolled back: alarm `sample-handler-errors`")
	})
	t.Run("checks", func(t *testing.T) {
		says(t, exec.Command(checks), 0, "promoted\n")
	})
	t.Run("on AWS", func(t *testing.T) {
		says(t, onEndpoint(t, onAWS, overHTTP), 0, "shifted 10 %", "promoted")
	})
	t.Run("Ctrl-C", func(t *testing.T) {
		for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
			interrupted(t, onEndpoint(t, onAWS, strings.Replace(overHTTP, "200ms", "1h", 1)), signal)
		}
	})
}

// onEndpoint is a command with this plan and an account that is configured by the environment.
func onEndpoint(t *testing.T, path, plan string) *exec.Cmd {
	t.Helper()
	account := startEndpoint(t).account()
	command := exec.Command(path)
	command.Dir = t.TempDir()
	must(t, os.WriteFile(filepath.Join(command.Dir, "plan.toml"), []byte(plan), 0o600))
	command.Env = append(os.Environ(),
		"AWS_ENDPOINT_URL="+account.EndpointURL,
		"AWS_ACCESS_KEY_ID="+account.AccessKeys.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY="+account.AccessKeys.SecretAccessKey,
		"AWS_EC2_METADATA_DISABLED=true")
	return command
}

func says(t *testing.T, command *exec.Cmd, code int, words ...string) {
	t.Helper()
	output, _ := command.CombinedOutput()
	if got := command.ProcessState.ExitCode(); got != code {
		t.Errorf("ended with %d and not %d", got, code)
	}
	for _, words := range words {
		if !strings.Contains(string(output), words) {
			t.Errorf("%q is missing", words)
		}
	}
	if t.Failed() {
		t.Logf("it said:\n%s", output)
	}
}

// interrupted sends a signal in the first step.
func interrupted(t *testing.T, command *exec.Cmd, signal os.Signal) {
	t.Helper()
	output, err := command.StdoutPipe()
	must(t, err)
	command.Stderr = os.Stderr
	must(t, command.Start())
	timer := time.AfterFunc(time.Minute, func() { command.Process.Kill() })
	defer timer.Stop()
	var said []string
	for lines := bufio.NewScanner(output); lines.Scan(); {
		said = append(said, lines.Text())
		if strings.HasSuffix(lines.Text(), string(lro.Shifted)+" 10 %") {
			must(t, command.Process.Signal(signal))
		}
	}
	// Its exit code is asked for below.
	_ = command.Wait()
	if code := command.ProcessState.ExitCode(); code != 4 || !strings.Contains(said[len(said)-1], "aborted: interrupted") {
		t.Errorf("%s: ended with %d and said:\n%s", signal, code, strings.Join(said, "\n"))
	}
}
