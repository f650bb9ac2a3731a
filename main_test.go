package main

import (
	"os"
	"testing"
)

// What somebody has asked for is left as it is.
func TestQuietFramework(t *testing.T) {
	for name, test := range map[string]struct {
		set  map[string]string
		want string
	}{
		"nothing asked for":           {nil, "DEBUG"},
		"some logs":                   {map[string]string{"TF_LOG": "warn"}, "DEBUG"},
		"all logs":                    {map[string]string{"TF_LOG": "trace"}, ""},
		"all logs as JSON":            {map[string]string{"TF_LOG": "JSON"}, ""},
		"all of the provider":         {map[string]string{"TF_LOG": "WARN", "TF_LOG_PROVIDER": "TRACE"}, ""},
		"some of the provider":        {map[string]string{"TF_LOG": "TRACE", "TF_LOG_PROVIDER": "INFO"}, "DEBUG"},
		"a level of the SDK":          {map[string]string{"TF_LOG_SDK": "OFF"}, ""},
		"a level of the framework":    {map[string]string{"TF_LOG_SDK_FRAMEWORK": "WARN"}, "WARN"},
		"all of the framework's logs": {map[string]string{"TF_LOG": "INFO", "TF_LOG_SDK_FRAMEWORK": "TRACE"}, "TRACE"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, variable := range []string{"TF_LOG", "TF_LOG_PROVIDER", "TF_LOG_SDK", "TF_LOG_SDK_FRAMEWORK"} {
				t.Setenv(variable, test.set[variable])
			}
			quietFramework()
			if got := os.Getenv("TF_LOG_SDK_FRAMEWORK"); got != test.want {
				t.Errorf("the level of the framework is %q, want %q", got, test.want)
			}
		})
	}
}
