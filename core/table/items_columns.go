package table

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"cogweave/core"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// fields are the columns of a batch or the fields of a struct, by name.
type fields struct {
	names  []string
	arrays []arrow.Array
}

func recordFields(rec arrow.RecordBatch) fields {
	f := fields{}
	for i, column := range rec.Columns() {
		f.names, f.arrays = append(f.names, rec.ColumnName(i)), append(f.arrays, storage(column))
	}
	return f
}

// structFields gives the fields of a struct array; another array has none. Where the struct is null its
// fields may hold anything.
func structFields(a arrow.Array) fields {
	s, ok := a.(*array.Struct)
	if !ok {
		return fields{}
	}
	f := fields{}
	t := s.DataType().(*arrow.StructType)
	for i := range s.NumField() {
		f.names, f.arrays = append(f.names, t.Field(i).Name), append(f.arrays, storage(s.Field(i)))
	}
	return f
}

func (f fields) get(name string) arrow.Array {
	for i, n := range f.names {
		if n == name {
			return f.arrays[i]
		}
	}
	return nil
}

// storage unwraps extension arrays (geoarrow.wkb, arrow.json).
func storage(a arrow.Array) arrow.Array {
	for {
		e, ok := a.(array.ExtensionArray)
		if !ok {
			return a
		}
		a = e.Storage()
	}
}

// interner keeps one copy of texts and descriptions that repeat.
type interner struct {
	texts        map[string]string
	unlike       textArena // texts that do not repeat, of all batches of a worker
	descriptions describer
	members      jsonMemo
}

func newInterner() *interner { return &interner{texts: map[string]string{}} }

// keep gives a copy that does not point into Arrow memory.
func (n *interner) keep(text string) string {
	if copied, ok := n.texts[text]; ok {
		return copied
	}
	copied := strings.Clone(text)
	// Ids and hrefs do not come here, but a column that was thought repetitive may not be.
	if len(n.texts) < 1<<16 {
		n.texts[copied] = copied
	}
	return copied
}

// textArray is what the three string arrays have in common.
type textArray interface {
	arrow.Array
	Value(i int) string
}

// textReader reads text columns, plain or dictionary-encoded. Its array is nil where there is none.
type textReader struct {
	array  textArray
	dict   *array.Dictionary
	intern *interner
	last   string // the latest value, since neighbours are often equal
}

// newTextReader interns values where intern is not nil.
func newTextReader(a arrow.Array, intern *interner) textReader {
	r := textReader{intern: intern}
	if d, ok := a.(*array.Dictionary); ok {
		r.dict, a = d, d.Dictionary()
	}
	r.array, _ = a.(textArray)
	return r
}

// get gives the text of a row; ok is false for null.
func (r *textReader) get(row int) (text string, ok bool) {
	if text, ok = r.peek(row); !ok {
		return "", false
	}
	switch {
	case r.intern == nil:
		return strings.Clone(text), true
	case text != r.last:
		r.last = r.intern.keep(text)
	}
	return r.last, true
}

// peek gives the text without copying it: it lives as long as the batch.
func (r *textReader) peek(row int) (string, bool) {
	if r.array == nil {
		return "", false
	}
	if r.dict != nil {
		if r.dict.IsNull(row) {
			return "", false
		}
		row = r.dict.GetValueIndex(row)
	}
	if r.array.IsNull(row) {
		return "", false
	}
	return r.array.Value(row), true
}

// binaryReader reads columns of bytes.
type binaryReader struct {
	array interface {
		arrow.Array
		Value(i int) []byte
	}
}

func newBinaryReader(a arrow.Array) binaryReader {
	r := binaryReader{}
	switch a := a.(type) {
	case *array.Binary:
		r.array = a
	case *array.LargeBinary:
		r.array = a
	case *array.BinaryView:
		r.array = a
	}
	return r
}

// get gives the bytes of a row, or nil; they live as long as the batch.
func (r *binaryReader) get(row int) []byte {
	if r.array == nil || r.array.IsNull(row) {
		return nil
	}
	return r.array.Value(row)
}

// numberAt gives a function that reads an array of numbers as float64, or nil for another type. A text
// is read as a number where it is one ("nan").
func numberAt(a arrow.Array) func(i int) (v float64, ok bool) {
	switch a := storage(a).(type) {
	case *array.Float64:
		return func(i int) (float64, bool) { return a.Value(i), a.IsValid(i) }
	case *array.Float32:
		return func(i int) (float64, bool) { return float64(a.Value(i)), a.IsValid(i) }
	case *array.Int64:
		return func(i int) (float64, bool) { return float64(a.Value(i)), a.IsValid(i) }
	case *array.Int32:
		return func(i int) (float64, bool) { return float64(a.Value(i)), a.IsValid(i) }
	case *array.Int16:
		return func(i int) (float64, bool) { return float64(a.Value(i)), a.IsValid(i) }
	case *array.Int8:
		return func(i int) (float64, bool) { return float64(a.Value(i)), a.IsValid(i) }
	case *array.Uint64:
		return func(i int) (float64, bool) { return float64(a.Value(i)), a.IsValid(i) }
	case *array.Uint32:
		return func(i int) (float64, bool) { return float64(a.Value(i)), a.IsValid(i) }
	case *array.Uint16:
		return func(i int) (float64, bool) { return float64(a.Value(i)), a.IsValid(i) }
	case *array.Uint8:
		return func(i int) (float64, bool) { return float64(a.Value(i)), a.IsValid(i) }
	case *array.Decimal128:
		return decimalAt(a)
	case arrow.Array:
		return otherNumberAt(a)
	}
	return nil
}

// decimalAt reads decimals, which SQL engines make of literals such as 0.0001. A quotient of two integers that
// float64 holds is rounded once, as the decimal's text would be; longer ones are read as text.
func decimalAt(a *array.Decimal128) func(i int) (v float64, ok bool) {
	const mostDigits, exactInteger = 22, 1 << 53 // 10^22 is the last power of ten that float64 holds
	scale := int(a.DataType().(*arrow.Decimal128Type).Scale)
	if scale < 0 || scale > mostDigits {
		return otherNumberAt(a)
	}
	unit, byText := math.Pow10(scale), otherNumberAt(a)
	return func(i int) (float64, bool) {
		if a.IsNull(i) {
			return 0, false
		}
		n := a.Value(i)
		low := int64(n.LowBits())
		if n.HighBits() != low>>63 || low > exactInteger || low < -exactInteger {
			return byText(i)
		}
		return float64(low) / unit, true
	}
}

// otherNumberAt reads long decimals and texts, which are rare, by their text.
func otherNumberAt(a arrow.Array) func(i int) (v float64, ok bool) {
	if text := newTextReader(a, nil); text.array == nil && !arrow.IsDecimal(a.DataType().ID()) {
		return nil
	}
	return func(i int) (float64, bool) {
		if a.IsNull(i) {
			return 0, false
		}
		v, err := strconv.ParseFloat(a.ValueStr(i), 64)
		return v, err == nil || math.IsInf(v, 0)
	}
}

// listReader reads lists: variable, large, fixed-size.
type listReader struct {
	list   array.ListLike
	values arrow.Array
}

func newListReader(a arrow.Array) listReader {
	list, ok := a.(array.ListLike)
	if !ok {
		return listReader{}
	}
	return listReader{list: list, values: storage(list.ListValues())}
}

// span gives the positions of a row's elements in values, [from, to); null is an empty list.
func (r *listReader) span(row int) (from, to int) {
	if r.list == nil || r.list.IsNull(row) {
		return 0, 0
	}
	a, b := r.list.ValueOffsets(row)
	return int(a), int(b)
}

// numbersReader reads lists of numbers, also as JSON text ("[1, 2]").
type numbersReader struct {
	listReader
	at   func(i int) (float64, bool)
	text textReader
}

func newNumbersReader(a arrow.Array) numbersReader {
	r := numbersReader{listReader: newListReader(a)}
	if r.list != nil {
		r.at = numberAt(r.values)
	} else {
		r.text = newTextReader(a, nil)
	}
	return r
}

// read puts a row's numbers into out and gives how many the row has; nulls are NaN.
func (r *numbersReader) read(row int, out []float64) (int, error) {
	if text, ok := r.text.peek(row); ok && text != "" {
		var values []float64
		if err := json.Unmarshal([]byte(text), &values); err != nil {
			return 0, fmt.Errorf("%.40q is no list of numbers", text)
		}
		copy(out, values)
		return len(values), nil
	}
	if r.at == nil {
		return 0, nil
	}
	from, to := r.span(row)
	for i := from; i < to && i-from < len(out); i++ {
		v, ok := r.at(i)
		if !ok {
			v = math.NaN()
		}
		out[i-from] = v
	}
	return to - from, nil
}

// timeReader reads instants: timestamps of any unit, dates, or RFC 3339 text.
type timeReader struct {
	at   func(i int) (int64, error)
	null func(i int) bool
	text textReader
}

func newTimeReader(a arrow.Array) timeReader {
	switch a := a.(type) {
	case *array.Timestamp:
		unit := a.DataType().(*arrow.TimestampType).Unit
		return timeReader{null: a.IsNull, at: func(i int) (int64, error) { return toMicros(int64(a.Value(i)), unit) }}
	case *array.Date32:
		return timeReader{null: a.IsNull, at: func(i int) (int64, error) { return int64(a.Value(i)) * 86400e6, nil }}
	case *array.Date64:
		return timeReader{null: a.IsNull, at: func(i int) (int64, error) { return toMicros(int64(a.Value(i)), arrow.Millisecond) }}
	case nil:
		return timeReader{}
	}
	if text := newTextReader(a, nil); text.array != nil {
		return timeReader{text: text}
	}
	return timeReader{null: a.IsNull, at: func(i int) (int64, error) {
		return 0, fmt.Errorf("%.80s is %s, neither time nor text", a.ValueStr(i), a.DataType())
	}}
}

// toMicros rounds nanoseconds down.
func toMicros(v int64, unit arrow.TimeUnit) (int64, error) {
	switch unit {
	case arrow.Nanosecond:
		q := v / 1000
		if v%1000 < 0 {
			q--
		}
		return q, nil
	case arrow.Microsecond:
		return v, nil
	}
	factor := int64(1000)
	if unit == arrow.Second {
		factor = 1e6
	}
	if v > math.MaxInt64/factor || v < math.MinInt64/factor {
		return 0, fmt.Errorf("%d %s since 1970 does not fit into microseconds", v, unit)
	}
	return v * factor, nil
}

func (r *timeReader) get(row int) (micros int64, ok bool, err error) {
	if r.at != nil {
		if r.null(row) {
			return 0, false, nil
		}
		micros, err = r.at(row)
		return micros, err == nil, err
	}
	text, ok := r.text.peek(row)
	if !ok || text == "" {
		return 0, false, nil
	}
	micros, err = core.ParseInstant(text)
	return micros, err == nil, err
}
