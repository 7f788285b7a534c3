module github.com/lambda-rollout/lambda-rollout/go/lambdarollout

go 1.24
