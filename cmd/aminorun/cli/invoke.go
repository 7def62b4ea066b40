package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"amino.run/abi"
	"amino.run/kernel/client"
)

func (a *app) invokeCmd() *cobra.Command {
	var verb, through, as string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "invoke NAME METHOD [ARG...]",
		Short: "Call a method of a microservice",
		Long: `Calls a method and prints its result as JSON. Each argument is one JSON value; a word
that is not JSON is text where the method wants text. With --verb, a deployment manager
of the microservice is addressed instead.`,
		Example: `  aminorun invoke counter add 5
  aminorun invoke hello greet World
  aminorun invoke kvstore put color '"blue"'
  aminorun invoke counter --verb checkpoint
  aminorun invoke bank --verb begin --as anna`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || len(args) == 1 && verb == "" {
				return usagef("%s wants a microservice and a method (or --verb VERB); see `%[1]s --help`", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if timeout > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, timeout)
				defer cancel()
			}
			words := unguard(args[1:])
			return a.withClient(ctx, func(c *client.Client) (err error) {
				c.As(as)
				if through != "" {
					if err := c.Through(ctx, through); err != nil {
						return err
					}
				}
				var out []byte
				if verb != "" {
					out, err = invokeVerb(ctx, c, args[0], verb, words)
				} else {
					out, err = invokeMethod(ctx, c, args[0], words[0], words[1:])
				}
				if err != nil {
					return withFate(err)
				}
				return a.printValue(out)
			})
		},
	}
	cmd.Flags().StringVar(&verb, "verb", "", "address a deployment manager, not a method")
	cmd.Flags().StringVar(&through, "through", "", "the kernel that makes the call (default: the first live one)")
	cmd.Flags().StringVar(&as, "as", "", "who calls: a transaction belongs to the name that began it, at one kernel")
	cmd.Flags().DurationVar(&timeout, "timeout", 0, "give up after this long (default: the microservice's timeout)")
	return cmd
}

func invokeMethod(ctx context.Context, c *client.Client, name, method string, words []string) ([]byte, error) {
	g, err := c.Lookup(ctx, name)
	if err != nil {
		return nil, err
	}
	m, err := abi.ParseManifest(g.Manifest)
	if err != nil {
		return nil, err
	}
	t := m.Method(method)
	if t == nil {
		return c.Call(ctx, name, method, nil) // the answer says which methods there are
	}
	args, err := t.ParseWords(words)
	if err != nil {
		return nil, &usageError{err}
	}
	return c.Call(ctx, name, method, args)
}

// invokeVerb sends a verb. What its arguments are, only its deployment manager
// knows: a word that is not JSON is text.
func invokeVerb(ctx context.Context, c *client.Client, name, verb string, words []string) ([]byte, error) {
	args := make([]abi.Raw, len(words))
	for i, w := range words {
		b, err := abi.ParseWord(w, "")
		if err != nil {
			return nil, &usageError{fmt.Errorf("argument %d: %w", i+1, err)}
		}
		args[i] = b
	}
	b, err := abi.Encode(args)
	if err != nil {
		return nil, err
	}
	return c.Verb(ctx, name, verb, b)
}

// withFate adds to the error of a call whether the call may have run, where that is
// open and the text does not say it.
func withFate(err error) error {
	code := abi.CodeOf(err)
	if code != abi.Unavailable && code != abi.Canceled {
		return err
	}
	for _, said := range []string{"not sent", "did not run", "may have run"} {
		if strings.Contains(err.Error(), said) {
			return err
		}
	}
	return fmt.Errorf("%w (%s)", err, code.Fate())
}

// printValue prints a CBOR value, of which nothing is null, as JSON.
func (a *app) printValue(b []byte) error {
	text := []byte("null")
	if len(b) > 0 {
		var err error
		if text, err = abi.ToJSON(b); err != nil {
			return err
		}
	}
	if a.output == "json" {
		return a.print(json.RawMessage(text), nil)
	}
	_, err := fmt.Fprintf(a.stdout, "%s\n", text)
	return err
}

// guard stands before a negative number, which would be read as a flag.
const guard = "\x00"

// guardNegatives lets `aminorun invoke counter add -5` mean what it says.
func guardNegatives(args []string) []string {
	if len(args) == 0 || args[0] != "invoke" {
		return args
	}
	guarded := make([]string, len(args))
	for i, w := range args {
		guarded[i] = w
		if len(w) > 1 && w[0] == '-' && w[1] >= '0' && w[1] <= '9' {
			guarded[i] = guard + w
		}
	}
	return guarded
}

// unguard undoes guardNegatives.
func unguard(words []string) []string {
	plain := make([]string, len(words))
	for i, w := range words {
		plain[i] = strings.TrimPrefix(w, guard)
	}
	return plain
}
