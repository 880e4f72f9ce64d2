// Zhibu (支部, the branch) is the backend of a WeChat mini-program for organisations with branches.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"zhibu/config"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "zhibu:", err)
		os.Exit(1)
	}
}

// command is one sub-command. It gets the configuration with the flags every command takes already applied.
type command struct {
	name  string
	help  string
	flags func(*flag.FlagSet, *options)
	run   func(context.Context, program) error
}

// options are the flags of all commands; each registers those it takes.
type options struct {
	addr, data, file, username, unitID, memberID string
}

// program is what a command works with.
type program struct {
	config.Config
	options
	args           []string
	in             io.Reader
	stdout, stderr io.Writer
}

func commands() []command {
	return []command{
		{"demo", "start with an invented bureau and a simulated WeChat, nothing else needed", listenFlags, runDemo},
		{"serve", "start the server", listenFlags, runServe},
		{"migrate", "bring the database to this version and stop", dataFlag, runMigrate},
		{"admin", "admin create|password|disable --username NAME [--unit ID] [--member ID]: console accounts; a password is read from the input", adminFlags, runAdmin},
		{"backup", "backup --file FILE: write everything to a file while the server goes on", fileFlags, runBackup},
		{"restore", "restore --file FILE: fill a new, empty database from a backup", fileFlags, runRestore},
		{"doctor", "check configuration, database, clock and WeChat, and say what to do", dataFlag, runDoctor},
		{"healthcheck", "ask the server on this machine whether it is alive", listenFlags, runHealthcheck},
		{"openapi", "print the description of the API", nil, runOpenAPI},
		{"version", "print the version", nil, runVersion},
	}
}

func dataFlag(f *flag.FlagSet, o *options) {
	f.StringVar(&o.data, "data", "", "folder of the database and other files (ZHIBU_DATA_DIR, default ./data)")
}

func listenFlags(f *flag.FlagSet, o *options) {
	dataFlag(f, o)
	f.StringVar(&o.addr, "addr", "", "address to listen on (ZHIBU_ADDR, default 127.0.0.1:8080)")
}

func fileFlags(f *flag.FlagSet, o *options) {
	dataFlag(f, o)
	f.StringVar(&o.file, "file", "", "the backup")
}

func adminFlags(f *flag.FlagSet, o *options) {
	dataFlag(f, o)
	f.StringVar(&o.username, "username", "", "name to sign in with")
	f.StringVar(&o.unitID, "unit", "", "id of the unit the account reaches with all below it; everything without it")
	f.StringVar(&o.memberID, "member", "", "id of the member whose account it is; required with --unit, so that nobody records for himself")
}

// run is the whole program: it finds the command, reads the configuration and does it.
func run(ctx context.Context, args, environ []string, in io.Reader, stdout, stderr io.Writer) error {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		usage(stdout)
		return nil
	}
	all := commands()
	i := slices.IndexFunc(all, func(c command) bool { return c.name == args[0] })
	if i < 0 {
		usage(stderr)
		return fmt.Errorf("there is no command %q", args[0])
	}
	p := program{in: in, stdout: stdout, stderr: stderr}
	flags := flag.NewFlagSet("zhibu "+args[0], flag.ContinueOnError)
	flags.SetOutput(stderr)
	if all[i].flags != nil {
		all[i].flags(flags, &p.options)
	}
	rest, verb := args[1:], []string(nil)
	if len(rest) > 0 && rest[0] != "" && rest[0][0] != '-' { // "admin create --username x": words before flags
		verb, rest = rest[:1], rest[1:]
	}
	if err := flags.Parse(rest); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	p.args = append(verb, flags.Args()...)
	if all[i].name != "admin" && len(p.args) > 0 {
		return fmt.Errorf("%s does not know what to do with %q", args[0], p.args)
	}
	var err error
	if p.Config, err = config.Load(p.override(environ)); err != nil {
		return fmt.Errorf("the configuration has mistakes:\n%w", err)
	}
	return all[i].run(ctx, p)
}

// override lets a flag win over the environment.
func (p program) override(environ []string) []string {
	environ = slices.Clone(environ)
	if p.addr != "" {
		environ = append(environ, "ZHIBU_ADDR="+p.addr)
	}
	if p.data != "" {
		environ = append(environ, "ZHIBU_DATA_DIR="+p.data)
	}
	return environ
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "zhibu 支部: the backend of a branch's mini-program.\n\nUsage: zhibu COMMAND [FLAGS]\n\nCommands:")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-12s %s\n", c.name, c.help)
	}
	fmt.Fprintln(w, "\nSettings are environment variables; the README lists them. To look around: zhibu demo")
}

func runVersion(_ context.Context, p program) error {
	_, err := fmt.Fprintln(p.stdout, "zhibu", version)
	return err
}
