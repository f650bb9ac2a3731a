package settings

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// checkEndpoints returns the endpoints in one spelling: scheme, host and port.
func checkEndpoints(v value, problems *Problems) []string {
	if len(v.texts) == 0 {
		problems.add(NameEndpoints, v.origin, "No endpoints",
			"%s is given but names no endpoint. Name one or more, such as https://10.0.0.1:2379, or leave it unset.", v.origin)
		return nil
	}
	var endpoints []string
	schemes := map[string]string{}
	for i, text := range v.texts {
		origin := v.origin.String()
		if v.origin.Layer == Configuration {
			origin = fmt.Sprintf("%s[%d]", origin, i)
		}
		u, summary, detail := parseEndpoint(text)
		if summary != "" {
			problems.add(NameEndpoints, v.origin, summary, "%q, from %s, %s", printable(text), origin, detail)
			if v.origin.Layer == Configuration {
				(*problems)[len(*problems)-1].Index = i
			}
			continue
		}
		schemes[u.Scheme] = u.String()
		endpoints = append(endpoints, u.String())
	}
	if len(schemes) > 1 {
		problems.add(NameEndpoints, v.origin, "Endpoints with and without TLS",
			"%s names both %s and %s. An etcd client speaks TLS to all members or to none: write http:// for all or https:// for all.",
			v.origin, schemes["http"], schemes["https"])
	}
	return endpoints
}

// parseEndpoint takes an endpoint apart. Where it cannot be used, summary and
// detail say why; detail goes on after the endpoint as the subject of its sentence.
func parseEndpoint(text string) (u *url.URL, summary, detail string) {
	scheme, rest, found := strings.Cut(text, "://")
	switch {
	case strings.TrimSpace(text) == "":
		return nil, "Empty endpoint", "is no endpoint. Write one such as https://10.0.0.1:2379."
	case strings.Contains(text, ","):
		return nil, "Several endpoints in one", "holds a comma. Give each endpoint an element of its own."
	case strings.Contains(text, "@"):
		return nil, "Endpoint with a user",
			"holds a user name or a password. Give them in username and password."
	case !found:
		return nil, "Endpoint without http:// or https://", fmt.Sprintf(
			"has no scheme. Write https://%[1]s if etcd serves TLS there, which is what calicoctl takes it for, or http://%[1]s if it serves plaintext.", text)
	case !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https"):
		return nil, "Endpoint without http:// or https://", fmt.Sprintf(
			"has the scheme %q. Write https:// if etcd serves TLS there or http:// if it serves plaintext.", scheme)
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, "Endpoint that is no URL", fmt.Sprintf(
			"is no URL: %v. Write a host or an address, and a port: https://etcd1.example.com:2379, https://[2001:db8::1]:2379.", reason(err))
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	switch {
	case u.Hostname() == "":
		return nil, "Endpoint without a host", "names no host. Write one such as https://10.0.0.1:2379."
	case strings.TrimRight(u.Path, "/") != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, "Endpoint with a path", fmt.Sprintf(
			"goes on after the host and port. Write %s://%s; etcd's API has no path.", u.Scheme, u.Host)
	case u.Port() == "":
		return nil, "Endpoint without a port", fmt.Sprintf(
			"names no port. Write %s://%s:2379 for the port that etcd usually serves its clients on.", u.Scheme, strings.TrimRight(rest, "/:"))
	case err != nil || port == 0:
		return nil, "Endpoint with a wrong port", "has a port that is not a number from 1 to 65535."
	}
	u.Path = ""
	return u, "", ""
}

// reason is a url.Error without the URL, which is told already.
func reason(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// printable is an endpoint without the user and password that may be in it.
func printable(endpoint string) string {
	at := strings.LastIndex(endpoint, "@")
	if at < 0 {
		return endpoint
	}
	start := 0
	if i := strings.Index(endpoint, "://"); i >= 0 && i < at {
		start = i + len("://")
	}
	return endpoint[:start] + "..." + endpoint[at:]
}

// checkDomain checks the domain of SRV records.
func checkDomain(v value, problems *Problems) string {
	domain := v.text()
	if strings.ContainsAny(domain, "/:@ \t\n") || strings.Trim(domain, ".") == "" {
		problems.add(NameDiscoverySRV, v.origin, "Discovery domain that is no domain",
			"%s must be a domain such as example.com, whose records _etcd-client-ssl._tcp.example.com or _etcd-client._tcp.example.com name the endpoints. %q is none.",
			v.origin, printable(domain))
	}
	return domain
}
