package cql2

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is a word of the text form.
type token struct {
	kind tokenKind
	text string // of a text or quoted name: without the quotes
	at   int    // position in bytes
}

type tokenKind int

const (
	tokenEnd tokenKind = iota
	tokenWord
	tokenQuotedName
	tokenText
	tokenNumber
	tokenSymbol
)

// is tells whether the token is a keyword, in any case, or a symbol.
func (t token) is(word string) bool {
	return (t.kind == tokenWord || t.kind == tokenSymbol) && strings.EqualFold(t.text, word)
}

// lex splits the text form into tokens; the last one is tokenEnd.
func lex(text string) ([]token, error) {
	var tokens []token
	for at := 0; at < len(text); {
		c, width := utf8.DecodeRuneInString(text[at:])
		if unicode.IsSpace(c) {
			at += width
			continue
		}
		t, next, err := lexOne(text, at, c)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, t)
		if len(tokens) > 4*MaxNodes {
			return nil, bad("it has more than %d words", 4*MaxNodes)
		}
		at = next
	}
	return append(tokens, token{kind: tokenEnd, at: len(text)}), nil
}

func lexOne(text string, at int, c rune) (t token, next int, err error) {
	rest := text[at:]
	switch {
	case c == '\'':
		return lexQuoted(text, at, '\'', tokenText)
	case c == '"':
		return lexQuoted(text, at, '"', tokenQuotedName)
	case c >= '0' && c <= '9', c == '.' && len(rest) > 1 && rest[1] >= '0' && rest[1] <= '9':
		n := numberLength(rest)
		return token{tokenNumber, rest[:n], at}, at + n, nil
	case c == '_' || c == ':' || unicode.IsLetter(c):
		n := strings.IndexFunc(rest, func(r rune) bool {
			return !(r == '_' || r == ':' || r == '.' || unicode.IsLetter(r) || unicode.IsDigit(r))
		})
		if n < 0 {
			n = len(rest)
		}
		return token{tokenWord, rest[:n], at}, at + n, nil
	}
	for _, symbol := range [...]string{"<>", "<=", ">=", "=", "<", ">", "+", "-", "*", "/", "%", "^", "(", ")", "[", "]", ","} {
		if strings.HasPrefix(rest, symbol) {
			return token{tokenSymbol, symbol, at}, at + len(symbol), nil
		}
	}
	return t, at, bad("%q at position %d is not understood", string(c), at+1)
}

// lexQuoted reads up to the closing quote; a doubled quote, or one after a backslash in a text, stands
// for itself.
func lexQuoted(text string, at int, quote byte, kind tokenKind) (t token, next int, err error) {
	var out strings.Builder
	for i := at + 1; i < len(text); i++ {
		switch {
		case text[i] == quote && i+1 < len(text) && text[i+1] == quote,
			quote == '\'' && text[i] == '\\' && i+1 < len(text) && text[i+1] == quote:
			i++
		case text[i] == quote:
			return token{kind, out.String(), at}, i + 1, checkLiteral(out.String())
		}
		out.WriteByte(text[i])
	}
	return t, at, bad("the quote at position %d is not closed", at+1)
}

// numberLength is the number of bytes of a decimal number with an optional exponent.
func numberLength(text string) int {
	digits := func(i int) int {
		for i < len(text) && text[i] >= '0' && text[i] <= '9' {
			i++
		}
		return i
	}
	n := digits(0)
	if n < len(text) && text[n] == '.' {
		n = digits(n + 1)
	}
	if n < len(text) && (text[n] == 'e' || text[n] == 'E') {
		m := n + 1
		if m < len(text) && (text[m] == '+' || text[m] == '-') {
			m++
		}
		if end := digits(m); end > m {
			n = end
		}
	}
	return n
}
