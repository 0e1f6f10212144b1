// Judges rendered manifests (YAML on standard input) by their owners' own code: the Prometheus operator's kinds field
// by field, which no schema of Kubernetes knows, and pods against the Pod Security profile "restricted". A line for
// each mistake; exit code 1 if there is one.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	stream "k8s.io/apimachinery/pkg/util/yaml"
	security "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

func main() {
	mistakes := 0
	documents := stream.NewYAMLReader(bufio.NewReader(os.Stdin))
	for {
		text, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = judge(text)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			mistakes++
		}
	}
	if mistakes > 0 {
		os.Exit(1)
	}
}

func judge(text []byte) error {
	var object meta.PartialObjectMetadata
	if err := yaml.Unmarshal(text, &object); err != nil {
		return err
	}
	var err error
	switch object.Kind {
	case monitoring.ServiceMonitorsKind:
		err = yaml.UnmarshalStrict(text, &monitoring.ServiceMonitor{})
	case monitoring.PrometheusRuleKind:
		err = yaml.UnmarshalStrict(text, &monitoring.PrometheusRule{})
	case "Deployment":
		err = judgePod(text)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", object.Kind, object.Name, err)
	}
	return nil
}

func judgePod(text []byte) error {
	var deployment apps.Deployment
	if err := yaml.UnmarshalStrict(text, &deployment); err != nil {
		return err
	}
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return err
	}
	restricted := security.LevelVersion{Level: security.LevelRestricted, Version: security.LatestVersion()}
	pod := &deployment.Spec.Template
	verdict := policy.AggregateCheckResults(evaluator.EvaluatePod(restricted, &pod.ObjectMeta, &pod.Spec))
	if !verdict.Allowed {
		return fmt.Errorf("not a restricted pod: %s", verdict.ForbiddenDetail())
	}
	return nil
}
