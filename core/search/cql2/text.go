package cql2

import (
	"math"
	"strconv"
	"strings"

	"github.com/peterstace/simplefeatures/geom"
)

// ParseText reads the text form of CQL2.
func ParseText(text string) (Node, error) {
	if len(text) > MaxFilter {
		return nil, bad("it has %d bytes, more than %d", len(text), MaxFilter)
	}
	tokens, err := lex(text)
	if err != nil {
		return nil, err
	}
	p := &textParser{text: text, tokens: tokens}
	n, err := p.either(0)
	if err != nil {
		return nil, err
	}
	if p.peek().kind != tokenEnd {
		return nil, p.unexpected("the end")
	}
	return n, nil
}

// textParser descends by precedence: OR, AND, NOT, comparison, sum, product, power, sign, primary.
type textParser struct {
	budget
	text   string
	tokens []token
	next   int
}

func (p *textParser) peek() token { return p.tokens[p.next] }

func (p *textParser) accept(word string) bool {
	if p.peek().is(word) {
		p.next++
		return true
	}
	return false
}

func (p *textParser) expect(word string) error {
	if !p.accept(word) {
		return p.unexpected(strconv.Quote(word))
	}
	return nil
}

func (p *textParser) unexpected(wanted string) error {
	t := p.peek()
	if t.kind == tokenEnd {
		return bad("it ends where %s is expected", wanted)
	}
	return bad("%q at position %d is not expected there, but %s", shorten(t.text), t.at+1, wanted)
}

// chain reads operands joined by operators of one precedence. Chains of AND and OR stay flat, since
// they may be long.
func (p *textParser) chain(depth int, operand func(int) (Node, error), flat bool, operators ...string) (Node, error) {
	left, err := operand(depth)
	if err != nil {
		return nil, err
	}
	for {
		name := ""
		for _, operator := range operators {
			if p.accept(operator) {
				name = operator
				break
			}
		}
		if name == "" {
			return left, nil
		}
		right, err := operand(depth)
		if err != nil {
			return nil, err
		}
		if op, ok := left.(Op); flat && ok && op.Name == name {
			left = Op{name, append(op.Args, right)}
			continue
		}
		if depth++; !flat {
			if err := p.spend(depth); err != nil {
				return nil, err
			}
		}
		left = Op{name, []Node{left, right}}
	}
}

func (p *textParser) either(depth int) (Node, error) {
	if depth > MaxDepth {
		return nil, errTooDeep
	}
	return p.chain(depth, p.both, true, "or")
}

func (p *textParser) both(depth int) (Node, error) { return p.chain(depth, p.negation, true, "and") }

func (p *textParser) negation(depth int) (Node, error) {
	if !p.accept("not") {
		return p.comparison(depth)
	}
	if err := p.spend(depth + 1); err != nil {
		return nil, err
	}
	n, err := p.negation(depth + 1)
	return Op{"not", []Node{n}}, err
}

// comparison reads a sum and what may be asked of it.
func (p *textParser) comparison(depth int) (Node, error) {
	left, err := p.sum(depth)
	if err != nil {
		return nil, err
	}
	for _, operator := range [...]string{"=", "<>", "<=", ">=", "<", ">"} {
		if p.accept(operator) {
			right, err := p.sum(depth)
			return Op{operator, []Node{left, right}}, err
		}
	}
	if p.accept("is") {
		negated := p.accept("not")
		if err := p.expect("null"); err != nil {
			return nil, err
		}
		return negate(Op{"isnull", []Node{left}}, negated), nil
	}
	negated := p.accept("not")
	var n Node
	switch {
	case p.accept("like"):
		n, err = p.like(left, depth)
	case p.accept("between"):
		n, err = p.between(left, depth)
	case p.accept("in"):
		n, err = p.in(left, depth)
	case negated:
		return nil, p.unexpected("LIKE, BETWEEN or IN")
	default:
		return left, nil
	}
	return negate(n, negated), err
}

func negate(n Node, negated bool) Node {
	if negated {
		return Op{"not", []Node{n}}
	}
	return n
}

func (p *textParser) like(left Node, depth int) (Node, error) {
	pattern, err := p.sum(depth)
	return Op{"like", []Node{left, pattern}}, err
}

func (p *textParser) between(left Node, depth int) (Node, error) {
	low, err := p.sum(depth)
	if err == nil {
		err = p.expect("and")
	}
	if err != nil {
		return nil, err
	}
	high, err := p.sum(depth)
	return Op{"between", []Node{left, low, high}}, err
}

func (p *textParser) in(left Node, depth int) (Node, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	items, err := p.list(")", depth+1)
	return Op{"in", []Node{left, List{items}}}, err
}

// list reads expressions up to the closing symbol.
func (p *textParser) list(closing string, depth int) ([]Node, error) {
	var items []Node
	if p.accept(closing) {
		return items, nil
	}
	for {
		n, err := p.either(depth)
		if err != nil {
			return nil, err
		}
		items = append(items, n)
		if p.accept(closing) {
			return items, nil
		}
		if err := p.expect(","); err != nil {
			return nil, err
		}
	}
}

func (p *textParser) sum(depth int) (Node, error) {
	return p.chain(depth, p.product, false, "+", "-")
}

func (p *textParser) product(depth int) (Node, error) {
	return p.chain(depth, p.power, false, "*", "/", "%", "div")
}

func (p *textParser) power(depth int) (Node, error) {
	return p.chain(depth, p.signed, false, "^")
}

func (p *textParser) signed(depth int) (Node, error) {
	if !p.accept("-") {
		p.accept("+")
		return p.primary(depth)
	}
	if err := p.spend(depth + 1); err != nil {
		return nil, err
	}
	n, err := p.signed(depth + 1)
	if number, ok := n.(Num); ok {
		return Num{-number.Value, number.Integer, -number.Int}, err
	}
	return Op{"*", []Node{Num{-1, true, -1}, n}}, err
}

func (p *textParser) primary(depth int) (Node, error) {
	if err := p.spend(depth); err != nil {
		return nil, err
	}
	t := p.peek()
	switch t.kind {
	case tokenText:
		p.next++
		return String{t.text}, nil
	case tokenQuotedName:
		p.next++
		return Name{t.text}, nil
	case tokenNumber:
		p.next++
		return number(t.text)
	case tokenWord:
		return p.word(t, depth)
	}
	switch {
	case p.accept("("):
		items, err := p.list(")", depth+1)
		if err == nil && len(items) == 1 {
			return items[0], nil
		}
		return List{items}, err
	case p.accept("["):
		items, err := p.list("]", depth+1)
		return List{items}, err
	}
	return nil, p.unexpected("a value")
}

// number reads digits; integers beyond 64 bits are kept as floating-point numbers.
func number(text string) (Node, error) {
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return Num{float64(i), true, i}, nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(v, 0) {
		return nil, bad("%q is no number", shorten(text))
	}
	return Num{Value: v}, nil
}

var reserved = map[string]bool{"and": true, "or": true, "not": true, "like": true, "between": true, "in": true, "is": true, "null": true, "div": true}

var shapes = map[string]bool{"point": true, "linestring": true, "polygon": true, "multipoint": true,
	"multilinestring": true, "multipolygon": true, "geometrycollection": true}

// word reads a property, a literal that begins with a word, or a function.
func (p *textParser) word(t token, depth int) (Node, error) {
	word := strings.ToLower(t.text)
	if reserved[word] {
		return nil, p.unexpected("a value")
	}
	p.next++
	if word == "true" || word == "false" {
		return Boolean{word == "true"}, nil
	}
	if shapes[word] && (p.peek().is("(") || p.peek().is("z") || p.peek().is("empty")) {
		return p.shape(t)
	}
	if !p.accept("(") {
		return Name{t.text}, nil
	}
	args, err := p.list(")", depth+1)
	if err != nil {
		return nil, err
	}
	return call(word, args)
}

// call makes the literals that look like functions, else an operator.
func call(name string, args []Node) (Node, error) {
	text := func() (string, error) {
		if len(args) == 1 {
			if s, ok := args[0].(String); ok {
				return s.Text, nil
			}
		}
		return "", bad("%s takes one text", name)
	}
	switch name {
	case "date", "timestamp":
		value, err := text()
		if err != nil {
			return nil, err
		}
		return instant(value)
	case "interval":
		if len(args) != 2 {
			return nil, bad("interval takes two ends")
		}
		start, err := intervalEnd(args[0])
		if err != nil {
			return nil, err
		}
		end, err := intervalEnd(args[1])
		return Interval{start, end}, err
	case "bbox":
		return bboxShape(args)
	}
	return Op{name, args}, nil
}

// shape reads well-known text: up to the parenthesis that closes the first one.
func (p *textParser) shape(t token) (Node, error) {
	open := 0
	for {
		next := p.peek()
		p.next++
		switch {
		case next.kind == tokenEnd:
			p.next--
			return nil, p.unexpected("the end of the geometry")
		case next.is("("):
			open++
		case next.is(")"):
			open--
		}
		if open == 0 && (next.is(")") || next.is("empty")) {
			return shapeFromText(p.text[t.at : next.at+len(next.text)])
		}
	}
}

func shapeFromText(text string) (Node, error) {
	g, err := geom.UnmarshalWKT(text, geom.NoValidate{})
	if err != nil {
		return nil, bad("%q is no geometry: %w", shorten(text), err)
	}
	return Shape{g}, nil
}

// bboxShape makes a polygon of west, south, east, north (with heights, of six numbers); one whose west
// is greater than its east crosses the antimeridian.
func bboxShape(args []Node) (Node, error) {
	var v []float64
	for _, arg := range args {
		n, ok := arg.(Num)
		if !ok {
			return nil, bad("bbox takes four or six numbers")
		}
		v = append(v, n.Value)
	}
	switch len(v) {
	case 4:
	case 6:
		v = []float64{v[0], v[1], v[3], v[4]}
	default:
		return nil, bad("bbox takes four or six numbers, not %d", len(v))
	}
	if v[1] > v[3] {
		return nil, bad("bbox %v is reversed", v)
	}
	if v[0] > v[2] {
		v[2] += 360
	}
	ring := []float64{v[0], v[1], v[2], v[1], v[2], v[3], v[0], v[3], v[0], v[1]}
	outer := geom.NewLineString(geom.NewSequence(ring, geom.DimXY))
	return Shape{geom.NewPolygon([]geom.LineString{outer}).AsGeometry()}, nil
}
