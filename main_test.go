package main

import (
	"os"
	"testing"
)

// What somebody has asked for is left as it is.
func TestQuietLogs(t *testing.T) {
	for name, test := range map[string]struct {
		set           map[string]string
		sdk, provider string
	}{
		"nothing asked for":    {nil, "OFF", "OFF"},
		"some logs":            {map[string]string{"TF_LOG": "warn"}, "WARN", "WARN"},
		"most logs":            {map[string]string{"TF_LOG": "DEBUG"}, "DEBUG", "DEBUG"},
		"all logs":             {map[string]string{"TF_LOG": "trace"}, "", ""},
		"all logs as JSON":     {map[string]string{"TF_LOG": "JSON"}, "", ""},
		"no level":             {map[string]string{"TF_LOG": "1"}, "", ""},
		"all of the provider":  {map[string]string{"TF_LOG": "WARN", "TF_LOG_PROVIDER": "TRACE"}, "", ""},
		"some of the provider": {map[string]string{"TF_LOG": "TRACE", "TF_LOG_PROVIDER": "INFO"}, "INFO", "INFO"},
		"a level of the SDK":   {map[string]string{"TF_LOG_SDK": "TRACE"}, "TRACE", "OFF"},
		"a level of calico":    {map[string]string{"TF_LOG_PROVIDER_CALICO": "TRACE"}, "OFF", "TRACE"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, variable := range []string{"TF_LOG", "TF_LOG_PROVIDER", "TF_LOG_SDK", "TF_LOG_SDK_FRAMEWORK", "TF_LOG_SDK_PROTO", "TF_LOG_PROVIDER_CALICO"} {
				t.Setenv(variable, test.set[variable])
			}
			quietLogs()
			if got := os.Getenv("TF_LOG_SDK"); got != test.sdk {
				t.Errorf("the level of the SDK is %q, want %q", got, test.sdk)
			}
			below := test.sdk
			if test.set["TF_LOG_SDK"] != "" {
				below = ""
			}
			if got := os.Getenv("TF_LOG_SDK_FRAMEWORK"); got != below {
				t.Errorf("the level of the framework is %q, want %q", got, below)
			}
			if got := os.Getenv("TF_LOG_PROVIDER_CALICO"); got != test.provider {
				t.Errorf("the level of the provider is %q, want %q", got, test.provider)
			}
		})
	}
}
