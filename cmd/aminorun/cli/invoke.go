package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"amino.run/abi"
	"amino.run/kernel/client"
)

func (a *app) invokeCmd() *cobra.Command {
	var verb, through string
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
  aminorun invoke counter --verb checkpoint`,
		Args: func(cmd *cobra.Command, args []string) error {
			if least := map[bool]int{true: 1, false: 2}[verb != ""]; len(args) < least {
				return usagef("%s wants a microservice and a method (or --verb VERB); see `%s --help`", cmd.CommandPath(), cmd.CommandPath())
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
			return a.withClient(ctx, func(c *client.Client) (err error) {
				if through != "" {
					if err := c.Through(ctx, through); err != nil {
						return err
					}
				}
				var out []byte
				if verb != "" {
					out, err = invokeVerb(ctx, c, args[0], verb, args[1:])
				} else {
					out, err = invokeMethod(ctx, c, args[0], args[1], args[2:])
				}
				if err != nil {
					return err
				}
				return a.printValue(out)
			})
		},
	}
	cmd.Flags().StringVar(&verb, "verb", "", "address a deployment manager, not a method")
	cmd.Flags().StringVar(&through, "through", "", "the kernel that makes the call (default: the first live one)")
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
	var params []abi.Param
	if t := m.Method(method); t != nil {
		params = t.Params
	}
	args, err := parseWords(words, params)
	if err != nil {
		return nil, err
	}
	return c.Call(ctx, name, method, args)
}

func invokeVerb(ctx context.Context, c *client.Client, name, verb string, words []string) ([]byte, error) {
	params := make([]abi.Param, len(words))
	for i := range params {
		params[i].Type = "string" // what is not JSON is text
	}
	args, err := parseWords(words, params)
	if err != nil {
		return nil, err
	}
	return c.Verb(ctx, name, verb, args)
}

// parseWords returns the words of a command line as a CBOR array. Words beyond the
// parameters are kept: the answer says how many the method wants.
func parseWords(words []string, params []abi.Param) ([]byte, error) {
	items := make([]abi.Raw, len(words))
	for i, w := range words {
		typ := "value"
		if i < len(params) {
			typ = params[i].Type
		}
		b, err := abi.ParseWord(w, typ)
		if err != nil {
			return nil, &usageError{fmt.Errorf("argument %d: %w", i+1, err)}
		}
		items[i] = b
	}
	return abi.Encode(items)
}

// printValue prints a CBOR value as JSON; null prints nothing on a table.
func (a *app) printValue(b []byte) error {
	if len(b) == 0 {
		b = []byte{0xf6}
	}
	text, err := abi.ToJSON(b)
	if err != nil {
		return err
	}
	if a.output == "json" {
		return a.print(json.RawMessage(text), nil)
	}
	fmt.Fprintf(a.stdout, "%s\n", text)
	return nil
}
