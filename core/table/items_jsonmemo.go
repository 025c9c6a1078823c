package table

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// jsonMemo remembers assets in JSON by all that follows their href: within a collection few differ in it.
type jsonMemo struct {
	known map[string]*jsonAsset // nil: it has to be read whole
}

const (
	mostMembers = 4096    // that are remembered
	longMembers = 4 << 10 // bytes of one that is not
)

// asset reads an asset; value is valid JSON.
func (m *jsonMemo) asset(value json.RawMessage) (j jsonAsset, err error) {
	href, rest, ok := hrefFirst(value)
	if !ok || len(rest) > longMembers {
		return j, json.Unmarshal(value, &j)
	}
	known, seen := m.known[string(rest)]
	if !seen {
		known = membersOf(rest)
		if m.known == nil || len(m.known) >= mostMembers {
			m.known = map[string]*jsonAsset{}
		}
		m.known[string(rest)] = known
	}
	if known == nil {
		return j, json.Unmarshal(value, &j)
	}
	j = *known
	j.Href = &href
	return j, nil
}

// hrefFirst cuts an object whose first member is an href that is written as it is, without escapes.
func hrefFirst(value []byte) (href string, rest []byte, ok bool) {
	const head = `{"href":"`
	if !bytes.HasPrefix(value, []byte(head)) {
		return "", nil, false
	}
	text := value[len(head):]
	end := bytes.IndexByte(text, '"')
	if end < 0 || bytes.IndexByte(text[:end], '\\') >= 0 || !utf8.Valid(text[:end]) {
		return "", nil, false
	}
	return string(text[:end]), text[end+1:], true
}

// membersOf reads the members after an href; nil where they may name another href, or are not as they should be.
func membersOf(rest []byte) *jsonAsset {
	text := "{" + strings.TrimPrefix(string(rest), ",")
	j := &jsonAsset{}
	// Names of members match in any case, and escaped: a second href would be the one that holds.
	if strings.Contains(strings.ToLower(text), `"href"`) || strings.ContainsRune(text, '\\') || json.Unmarshal([]byte(text), j) != nil || j.Href != nil {
		return nil
	}
	return j
}
