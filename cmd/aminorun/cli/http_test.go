package cli

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// A program that knows only HTTP calls a microservice.
func TestHTTP(t *testing.T) {
	d := start(t, "dev", "--listen", "127.0.0.1:0", "--kernels", "1", "--http", "127.0.0.1:0")
	at := regexp.MustCompile(`, http at ([0-9.:]+);`).FindStringSubmatch(d.out.String())
	if at == nil {
		t.Fatalf("dev says %q", &d.out)
	}
	does(t, "deploy", counter(t), "--oms", d.addr)
	for _, x := range []struct{ path, body, want string }{
		{"microservices/counter/add", "[5]", "5"},
		{"microservices/counter/add", `{"by": 2}`, "7"},
		{"microservices/counter/sub", "[5]", "unknown method"},
		{"microservices/nothing/add", "[5]", "not found"},
	} {
		r, err := http.Post("http://"+at[1]+"/v1/"+x.path, "application/json", strings.NewReader(x.body))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || !strings.Contains(string(b), x.want) {
			t.Errorf("POST %s %s: %s, %v", x.path, x.body, b, err)
		}
	}
	code, _, errs := aminorun(t, "dev", "--listen", "127.0.0.1:0", "--kernels", "1", "--http", at[1])
	if code != exitFailed || !strings.Contains(errs, "--http: ") || !strings.Contains(errs, "in use") {
		t.Errorf("a taken address: %d, %s", code, errs)
	}
}
