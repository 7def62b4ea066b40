package door

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"amino.run/abi"
)

// A shelf is a cluster with one microservice, which answers by its method's name.
type shelf struct{ left bool }

const manifest = `{"abi":1,"name":"shelf","doc":"Keeps things.","methods":[
	{"name":"put","doc":"Puts n things.","params":[{"name":"what","type":"string"},{"name":"n","type":"option<u32>"}],"result":"map<string, u32>"},
	{"name":"big","result":"u64","readonly":true},
	{"name":"fails"},
	{"name":"late"}]}`

func (s *shelf) Call(ctx context.Context, name, method string, args []byte) ([]byte, error) {
	switch method {
	case "put":
		var in []any
		if err := abi.Decode(args, &in); err != nil {
			return nil, err
		}
		n := any(uint64(1))
		if len(in) > 1 && in[1] != nil {
			n = in[1]
		}
		return abi.Encode(map[string]any{in[0].(string): n})
	case "big":
		return abi.Encode(uint64(1<<64 - 1))
	case "fails":
		return nil, abi.AppError("there is no room")
	}
	_, s.left = ctx.Deadline()
	return nil, nil
}

func (s *shelf) Manifest(_ context.Context, name string) (*abi.Manifest, error) {
	if name != "shelf" {
		return nil, abi.Errorf(abi.NotFound, "no microservice %q", name)
	}
	return abi.ParseManifest([]byte(manifest))
}

func (s *shelf) Names(context.Context) ([]string, error) { return []string{"shelf"}, nil }

func ask(t *testing.T, s *shelf, method, path, body string, header ...string) (int, string) {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	Handler(s).ServeHTTP(w, r)
	if got := w.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("%s %s answered %s", method, path, got)
	}
	return w.Code, strings.TrimSpace(w.Body.String())
}

func TestCall(t *testing.T) {
	for _, x := range []struct {
		path, body string
		status     int
		want       []string
	}{
		{"shelf/put", `["tea", 3]`, 200, []string{`{"tea":3}`}},
		{"shelf/put", `["tea"]`, 200, []string{`{"tea":1}`}},
		{"shelf/put", `{"n": 3, "what": "tea"}`, 200, []string{`{"tea":3}`}},
		{"shelf/put", `{"what": "tea"}`, 200, []string{`{"tea":1}`}},
		{"shelf/big", ``, 200, []string{`18446744073709551615`}},
		{"shelf/late", `[]`, 200, []string{`null`}},
		{"shelf/fails", `[]`, 422, []string{`"code":"application"`, "there is no room", "the call ran"}},
		{"shelf/put", `[3]`, 400, []string{`"code":"bad argument"`, "what"}},
		{"shelf/put", `{"whta": "tea"}`, 400, []string{`no parameter \"whta\"; it has what, n`}},
		{"shelf/put", `"tea"`, 400, []string{"neither a JSON array"}},
		{"shelf/put", `["tea"`, 400, []string{"neither a JSON array"}},
		{"shelf/take", `[]`, 404, []string{`"code":"unknown method"`, "GET /v1/microservices/shelf"}},
		{"shop/put", `[]`, 404, []string{`"code":"not found"`, "the call did not run"}},
	} {
		code, got := ask(t, &shelf{}, "POST", "/v1/microservices/"+x.path, x.body)
		if code != x.status {
			t.Errorf("%s %s: status %d, want %d: %s", x.path, x.body, code, x.status, got)
		}
		for _, part := range x.want {
			if !strings.Contains(got, part) {
				t.Errorf("%s %s: %s; want %s in it", x.path, x.body, got, part)
			}
		}
	}
}

func TestTimeout(t *testing.T) {
	var s shelf
	if code, got := ask(t, &s, "POST", "/v1/microservices/shelf/late", "", timeoutHeader, "5s"); code != 200 || !s.left {
		t.Errorf("%d %s; a deadline: %v", code, got, s.left)
	}
	if code, got := ask(t, &s, "POST", "/v1/microservices/shelf/late", "", timeoutHeader, "soon"); code != 400 || !strings.Contains(got, "5s or 1m30s") {
		t.Errorf("%d %s", code, got)
	}
}

func TestLost(t *testing.T) {
	for _, path := range []string{"/", "/v1/microservices/shelf/put"} {
		if code, got := ask(t, &shelf{}, "GET", path, ""); code != http.StatusNotFound || !strings.Contains(got, "POST /v1/microservices/NAME/METHOD") {
			t.Errorf("GET %s: %d %s", path, code, got)
		}
	}
}

func TestDescribe(t *testing.T) {
	if code, got := ask(t, &shelf{}, "GET", "/v1/microservices", ""); code != 200 || got != `{"microservices":["shelf"]}` {
		t.Errorf("%d %s", code, got)
	}
	code, got := ask(t, &shelf{}, "GET", "/v1/microservices/shelf", "")
	if m, err := abi.ParseManifest([]byte(got)); code != 200 || err != nil || m.Name != "shelf" {
		t.Errorf("%d %s, %v", code, got, err)
	}
}

func TestOpenAPI(t *testing.T) {
	for _, query := range []string{"", "?name=shelf"} {
		_, got := ask(t, &shelf{}, "GET", "/v1/openapi.json"+query, "")
		var doc struct {
			OpenAPI string
			Paths   map[string]struct {
				Post struct {
					OperationID string
					Summary     string
					RequestBody *struct {
						Content map[string]struct {
							Schema struct{ OneOf []map[string]any }
						}
					}
				}
			}
		}
		if err := json.Unmarshal([]byte(got), &doc); err != nil {
			t.Fatal(err)
		}
		put := doc.Paths["/v1/microservices/shelf/put"].Post
		if doc.OpenAPI != "3.1.0" || len(doc.Paths) != 4 || put.OperationID != "shelf_put" || put.Summary != "Puts n things." {
			t.Errorf("%+v", doc)
		}
		b, err := json.Marshal(put.RequestBody.Content["application/json"].Schema.OneOf[0])
		if want := `{"additionalProperties":false,"properties":{"n":{"oneOf":[{"format":"u32","type":"integer"},{"type":"null"}]},"what":{"type":"string"}},"required":["what"],"type":"object"}`; err != nil || string(b) != want {
			t.Errorf("the schema of put's arguments is %s", b)
		}
	}
	if code, got := ask(t, &shelf{}, "GET", "/v1/openapi.json?name=shop", ""); code != 404 {
		t.Errorf("%d %s", code, got)
	}
}

// Every code has a status that is an error's, and what may be tried again says so.
func TestStatus(t *testing.T) {
	for c := abi.Application; c <= abi.Internal; c++ {
		if s := status(c); s < 400 || s > 599 || http.StatusText(s) == "" {
			t.Errorf("%v is %d", c, s)
		}
	}
	if status(abi.Overloaded) != 429 || status(abi.Trap) != 500 {
		t.Error("overloaded or trap")
	}
}
