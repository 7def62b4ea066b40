package caller

import (
	"bytes"
	"reflect"
	"testing"

	"amino.run/abi"
	"amino.run/dms"
)

var frames = []dms.Call{
	{ID: 1, Root: 1, Method: "add", Args: []byte{0x81, 5}},
	{ID: 1 << 63, Root: 7, Method: "get", ReadOnly: true, Args: []byte{0x80}, From: dms.Node{ID: "k1"}},
	{ID: 3, Root: 2, Verb: "migrate", Args: []byte{0x81, 0x62, 'k', '2'}, Path: []string{"m1", "m2"}, Client: "anna", Tx: "m1/0 5"},
	{ID: 4, Root: 4, Verb: dms.Replace, Args: bytes.Repeat([]byte{9}, 100_000)},
}

func TestInvokeFrameRoundTrip(t *testing.T) {
	for _, want := range frames {
		peer, epoch, got, err := ParseInvoke(AppendInvoke(nil, "m7/0", 12, want))
		if err != nil || peer != "m7/0" || epoch != 12 || !reflect.DeepEqual(got, want) {
			t.Errorf("got %q %d %+v, %v\nwant %+v", peer, epoch, got, err, want)
		}
	}
}

func TestInvokeFrameCutShort(t *testing.T) {
	whole := AppendInvoke(nil, "m7/0", 12, dms.Call{ID: 1, Root: 1, Method: "add", Path: []string{"m1"}})
	for n := range len(whole) {
		if _, _, _, err := ParseInvoke(whole[:n]); abi.CodeOf(err) != abi.BadArgument {
			t.Errorf("%d of %d bytes: %v", n, len(whole), err)
		}
	}
}

func FuzzParseInvoke(f *testing.F) {
	for _, c := range frames[:3] {
		f.Add(AppendInvoke(nil, "m7/0", 12, c))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		peer, epoch, c, err := ParseInvoke(b)
		if err != nil {
			return
		}
		peer2, epoch2, c2, err := ParseInvoke(AppendInvoke(nil, peer, epoch, c))
		if err != nil || peer2 != peer || epoch2 != epoch || !reflect.DeepEqual(c, c2) {
			t.Errorf("%+v does not survive: %+v, %v", c, c2, err)
		}
	})
}
