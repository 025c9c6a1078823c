package table

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// eachMember calls f for the members of an object, in their order, but for those that are null. Values lie in the text.
func eachMember(text []byte, f func(key string, value json.RawMessage) error) error {
	if !json.Valid(text) {
		return decodeMembers(text, f) // which says what is wrong, after the members before it
	}
	// Among valid JSON, strings and brackets say where a value ends.
	at := skipSpace(text, 0)
	if text[at] != '{' {
		return errNoObject
	}
	for at = skipSpace(text, at+1); text[at] != '}'; at = skipSpace(text, at) {
		if text[at] == ',' {
			at = skipSpace(text, at+1)
		}
		end := endOfString(text, at)
		key, err := unquoted(text[at:end])
		if err != nil {
			return err
		}
		at = skipSpace(text, skipSpace(text, end)+1)
		end = endOfValue(text, at)
		value := text[at:end]
		at = end
		if string(value) == "null" {
			continue
		}
		if err := f(key, value); err != nil {
			return err
		}
	}
	return nil
}

var errNoObject = errors.New("they are no JSON object")

// decodeMembers is eachMember of text that may be no JSON.
func decodeMembers(text []byte, f func(key string, value json.RawMessage) error) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return errNoObject
	}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		key, _ := token.(string)
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return err
		}
		if string(value) == "null" {
			continue
		}
		if err := f(key, value); err != nil {
			return err
		}
	}
	return nil
}

func skipSpace(text []byte, at int) int {
	for text[at] == ' ' || text[at] == '\n' || text[at] == '\t' || text[at] == '\r' {
		at++
	}
	return at
}

// endOfString gives the position after the string that begins at a quote.
func endOfString(text []byte, at int) int {
	for at++; text[at] != '"'; at++ {
		if text[at] == '\\' {
			at++
		}
	}
	return at + 1
}

// endOfValue gives the position after a value inside an object.
func endOfValue(text []byte, at int) int {
	for depth := 0; ; at++ {
		switch text[at] {
		case '"':
			at = endOfString(text, at) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return at // of the object, after a number or a word
			}
			depth--
		case ',', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return at
			}
			continue
		default:
			continue
		}
		if depth == 0 {
			return at + 1
		}
	}
}

// unquoted reads a string.
func unquoted(quoted []byte) (text string, err error) {
	if plain := quoted[1 : len(quoted)-1]; bytes.IndexByte(plain, '\\') < 0 && utf8.Valid(plain) {
		return string(plain), nil
	}
	err = json.Unmarshal(quoted, &text)
	return text, err
}
