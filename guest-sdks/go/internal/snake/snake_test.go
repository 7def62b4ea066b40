package snake_test

import (
	"testing"

	"amino.run/guest/internal/snake"
)

func TestCase(t *testing.T) {
	for name, want := range map[string]string{
		"Get": "get", "PutAll": "put_all", "HTTPStatus": "http_status", "GetURL": "get_url",
		"Page2": "page2", "ID": "id", "KVStore": "kv_store", "x": "x", "Do_it": "do_it", "A_B": "a_b", "ÄhmJa": "ähm_ja", "": "",
	} {
		if got := snake.Case(name, '_'); got != want {
			t.Errorf("Case(%q) = %q, want %q", name, got, want)
		}
	}
	if got := snake.Case("KVStore", '-'); got != "kv-store" {
		t.Errorf("Case with a dash = %q", got)
	}
}
