package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
)

// plugin is the provider in a process of its own, as Terraform starts it.
type plugin struct {
	cmd     *exec.Cmd
	conn    *grpc.ClientConn
	methods protoreflect.MethodDescriptors
}

// startPlugin starts a provider and waits until it serves.
func startPlugin(ctx context.Context, program string) (started *plugin, err error) {
	// Messages are made by what the provider's own protocol library says of them.
	found, err := protoregistry.GlobalFiles.FindDescriptorByName("tfplugin6.Provider")
	if err != nil {
		return nil, err
	}
	service, ok := found.(protoreflect.ServiceDescriptor)
	if !ok {
		return nil, fmt.Errorf("%s is no service", found.FullName())
	}
	p := &plugin{cmd: exec.CommandContext(ctx, program), methods: service.Methods()}
	p.cmd.Env = append(os.Environ(), "PLUGIN_PROTOCOL_VERSIONS=6",
		"TF_PLUGIN_MAGIC_COOKIE=d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2")
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			p.kill()
		}
	}()
	// CORE-VERSION | PROTOCOL | network | address | grpc | certificate
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("%s tells no address: %w", program, err)
	}
	parts := strings.Split(strings.TrimSpace(line), "|")
	if len(parts) < 5 || parts[1] != "6" || parts[2] != "unix" {
		return nil, fmt.Errorf("%s tells %q and no socket of protocol 6", program, line)
	}
	const largest = 256 << 20
	p.conn, err = grpc.NewClient("unix:"+parts[3], grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(largest), grpc.MaxCallSendMsgSize(largest)))
	return p, err
}

// kill ends the process. Nothing of it is asked for any more.
func (p *plugin) kill() {
	if p.conn != nil {
		_ = p.conn.Close()
	}
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// startCost returns what a provider takes from its start until it has told its schemas, which
// is all that Terraform asks of it in two of the three starts of a plan.
func startCost(ctx context.Context, program string) (time.Duration, error) {
	p, err := startPlugin(ctx, program)
	if err != nil {
		return 0, err
	}
	var ignored struct{}
	err = p.ask(ctx, "GetProviderSchema", struct{}{}, &ignored)
	p.kill()
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime(), err
}

// ask makes a request. Both messages are in the JSON of their protocol; an answer with an
// error among its diagnostics is one.
func (p *plugin) ask(ctx context.Context, method string, request, into any) error {
	descriptor := p.methods.ByName(protoreflect.Name(method))
	if descriptor == nil {
		return fmt.Errorf("the protocol has no method %s", method)
	}
	text, err := json.Marshal(request)
	if err != nil {
		return err
	}
	in, out := dynamicpb.NewMessage(descriptor.Input()), dynamicpb.NewMessage(descriptor.Output())
	if err := protojson.Unmarshal(text, in); err != nil {
		return err
	}
	if err := p.conn.Invoke(ctx, "/tfplugin6.Provider/"+method, in, out); err != nil {
		return err
	}
	if text, err = protojson.Marshal(out); err != nil {
		return err
	}
	var answer struct {
		Diagnostics []struct{ Severity, Summary, Detail string }
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return err
	}
	for _, d := range answer.Diagnostics {
		if d.Severity == "ERROR" {
			return fmt.Errorf("%s: %s: %s", method, d.Summary, d.Detail)
		}
	}
	return json.Unmarshal(text, into)
}

// ticks is how many units of CPU time a second has in /proc; it is the same on every Linux.
const ticks = 100

// cpu is what the process has used so far. (Linux alone tells it of a process that runs.)
func (p *plugin) cpu() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	// The name, in brackets, may have blanks in it.
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, errors.New("/proc tells no CPU time")
	}
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	return time.Duration(user+system) * time.Second / ticks, errors.Join(err1, err2)
}

// peak is the most memory that the process has held so far, in bytes.
func (p *plugin) peak() (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kilobytes, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")))
			return kilobytes << 10, err
		}
	}
	return 0, errors.New("/proc tells no peak of memory")
}
