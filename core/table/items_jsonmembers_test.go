package table

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Members cut by hand are those that encoding/json finds, in texts of every kind of value, spaced in every way, and cut short.
func TestMembersAreThoseOfTheDecoder(t *testing.T) {
	values := []string{`null`, `true`, `-1.5e3`, `""`, `"a,b}"`, `"\"}\\"`, `"ä\u00e4"`, "\"\xff\"", `[]`, `{}`, `[1,[2,"]"]]`, `{"x":{"y":"}"},"z":[{}]}`}
	keys := []string{`"a"`, `""`, `"q\"{"`, `"\u0062"`, "\"\xff\"", `"ß"`}
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
	type walk func([]byte, func(string, json.RawMessage) error) error
	found := func(each walk, text string) (told []string) {
		err := each([]byte(text), func(key string, value json.RawMessage) error {
			told = append(told, fmt.Sprintf("%q: %q", key, value))
			return nil
		})
		return append(told, fmt.Sprint(err))
	}
	for _, text := range texts {
		if got, want := found(eachMember, text), found(decodeMembers, text); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
