package table

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// decodedMembers are what encoding/json finds, and its error.
func decodedMembers(text string) (told []string) {
	decoder := json.NewDecoder(strings.NewReader(text))
	for opened := false; ; opened = true {
		token, err := decoder.Token()
		if err != nil || token == json.Delim('}') {
			return told
		}
		if !opened {
			continue
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return told
		}
		if string(value) != "null" {
			told = append(told, fmt.Sprintf("%q: %q", token, value))
		}
	}
}

// TestMembersAreThoseOfTheDecoder, in texts of every kind of value, spaced in every way; what is no object is an error.
func TestMembersAreThoseOfTheDecoder(t *testing.T) {
	values := []string{`null`, `true`, `-1.5e3`, `""`, `"a,b}"`, `"\"}\\"`, `"ä\u00e4"`, "\"\xff\"", `[]`, `{}`, `[1,[2,"]"]]`, `{"x":{"y":"}"},"z":[{}]}`}
	keys := []string{`"a"`, `""`, `"q\"{"`, `"\u0062"`, `"ß"`}
	spaces := []string{"", " ", "\n\t", "\r "}
	random := rand.New(rand.NewPCG(1, 2))
	space := func() string { return spaces[random.IntN(len(spaces))] }
	texts := []string{``, ` `, `[]`, `1`, `"a"`, `{`, `{}`, ` { } `, `{"a":1}x`, `{"a":1,}`, `{"a" 1}`}
	for range 2000 {
		var members []string
		for range random.IntN(4) {
			members = append(members, space()+keys[random.IntN(len(keys))]+space()+":"+space()+values[random.IntN(len(values))]+space())
		}
		text := space() + "{" + strings.Join(members, ",") + space() + "}" + space()
		texts = append(texts, text, text[:random.IntN(len(text))])
	}
	for _, text := range append(texts, `{"a":`+strings.Repeat("[", 20<<20)) {
		var told []string
		err := eachMember([]byte(text), text, func(key, value string) error {
			told = append(told, fmt.Sprintf("%q: %q", key, value))
			return nil
		})
		var object map[string]any
		if wrong := json.Unmarshal([]byte(text), &object) != nil; wrong != (err != nil) || wrong && told != nil {
			t.Errorf("%.100q: %v after %q", text, err, told)
		}
		if want := decodedMembers(text); err == nil && !slices.Equal(told, want) {
			t.Errorf("%q: %q, want %q", text, told, want)
		}
	}
}

// BenchmarkParseItemsJSON converts real items whose assets are JSON text, each file's over and over.
func BenchmarkParseItemsJSON(b *testing.B) {
	root := os.Getenv("COGWEAVE_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	const n = 512
	for name, file := range map[string]string{"sentinel-2": "earth-search/earth-search-s2-c1-l2a-10-items.json", "landsat": "landsat-c2/LC08_L2SP_047027_20201204_02_T1.json"} {
		b.Run(name, func(b *testing.B) {
			text, err := os.ReadFile(filepath.Join(root, "stac", file))
			if err != nil {
				b.Skipf("real items are not there: %v", err)
			}
			type feature struct{ Assets json.RawMessage }
			var found struct {
				feature
				Features []feature
			}
			if err := json.Unmarshal(text, &found); err != nil {
				b.Fatal(err)
			}
			if found.Features == nil {
				found.Features = []feature{found.feature}
			}
			columns := array.NewRecordBuilder(memory.DefaultAllocator, schemaOf("id", textType, "datetime", textType, "assets", textType))
			for i := range n {
				var assets bytes.Buffer
				if err := json.Compact(&assets, found.Features[i%len(found.Features)].Assets); err != nil {
					b.Fatal(err)
				}
				own := strings.ReplaceAll(assets.String(), `{"href":"https://`, fmt.Sprintf(`{"href":"https://%d.`, i))
				for column, value := range []string{fmt.Sprint(i), "2025-06-01T00:00:00Z", own} {
					columns.Field(column).(*array.StringBuilder).Append(value)
				}
			}
			recs := []arrow.RecordBatch{columns.NewRecordBatch()}
			b.ReportAllocs()
			for b.Loop() {
				if items, err := ParseItemsWith(recs, "", ParseItemsOptions{Assets: []string{"red", "blue", "scl", "SR_B4.TIF"}}); err != nil || len(items) != n {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "items/s")
		})
	}
}
