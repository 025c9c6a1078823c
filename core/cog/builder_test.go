package cog

import (
	"encoding/binary"
	"math"
)

// tiff builds small TIFFs for tests, honest ones and others.
type tiff struct {
	order binary.AppendByteOrder
	big   bool   // BigTIFF
	lead  []byte // between the header and the first directory
	dirs  []dir
	tail  []byte // after everything else
}

// dir is one directory; next and pos override where its successor is said to be, and where it lies.
type dir struct {
	tags []tag
	next *int64
	subs []dir // SubIFDs, whose tag is added
}

// tag is one entry. data holds the values in the file's byte order; count and where may lie.
type tag struct {
	id, kind uint16
	count    uint64
	data     []byte
	where    *uint64
}

func le() *tiff { return &tiff{order: binary.LittleEndian} }

// variants gives the four kinds of TIFF.
func variants() map[string]*tiff {
	return map[string]*tiff{
		"little": {order: binary.LittleEndian}, "big": {order: binary.BigEndian},
		"little BigTIFF": {order: binary.LittleEndian, big: true}, "big BigTIFF": {order: binary.BigEndian, big: true},
	}
}

func (t *tiff) short(id uint16, values ...uint16) tag {
	var b []byte
	for _, v := range values {
		b = t.order.AppendUint16(b, v)
	}
	return tag{id: id, kind: typeShort, count: uint64(len(values)), data: b}
}

func (t *tiff) long(id uint16, values ...uint32) tag {
	var b []byte
	for _, v := range values {
		b = t.order.AppendUint32(b, v)
	}
	return tag{id: id, kind: typeLong, count: uint64(len(values)), data: b}
}

func (t *tiff) long8(id uint16, values ...uint64) tag {
	var b []byte
	for _, v := range values {
		b = t.order.AppendUint64(b, v)
	}
	return tag{id: id, kind: typeLong8, count: uint64(len(values)), data: b}
}

func (t *tiff) double(id uint16, values ...float64) tag {
	var b []byte
	for _, v := range values {
		b = t.order.AppendUint64(b, math.Float64bits(v))
	}
	return tag{id: id, kind: typeDouble, count: uint64(len(values)), data: b}
}

func (t *tiff) floats(id uint16, values ...float32) tag {
	var b []byte
	for _, v := range values {
		b = t.order.AppendUint32(b, math.Float32bits(v))
	}
	return tag{id: id, kind: typeFloat, count: uint64(len(values)), data: b}
}

func text(id uint16, s string) tag {
	return tag{id: id, kind: typeASCII, count: uint64(len(s) + 1), data: append([]byte(s), 0)}
}

// tiled gives the tags of a tiled image whose tiles lie at 1000, 1100, ... and have 100 bytes each.
func (t *tiff) tiled(width, height, tile uint32, more ...tag) []tag {
	n := ((width + tile - 1) / tile) * ((height + tile - 1) / tile)
	offsets, counts := make([]uint32, n), make([]uint32, n)
	for i := range offsets {
		offsets[i], counts[i] = 1000+100*uint32(i), 100
	}
	tags := []tag{
		t.long(tagImageWidth, width), t.long(tagImageLength, height), t.short(tagBitsPerSample, 16), t.short(tagCompression, 8),
		t.short(tagPhotometric, 1), t.short(tagSamplesPerPixel, 1), t.long(tagTileWidth, tile), t.long(tagTileLength, tile),
		t.long(tagTileOffsets, offsets...), t.long(tagTileByteCounts, counts...),
	}
	return merge(tags, more)
}

// merge puts the tags of more in the place of those with the same number; a tag of kind 0 takes one out.
func merge(tags, more []tag) []tag {
	for _, m := range more {
		kept := tags[:0:0]
		for _, old := range tags {
			if old.id != m.id {
				kept = append(kept, old)
			}
		}
		if tags = kept; m.kind != 0 {
			tags = append(tags, m)
		}
	}
	return tags
}

// without takes a tag out of tiled.
func without(id uint16) tag { return tag{id: id} }

// bytes writes the file: header, lead, then each directory followed by its values and its children.
func (t *tiff) bytes() []byte {
	var out []byte
	mark := "II"
	if t.order.String() == "BigEndian" {
		mark = "MM"
	}
	out = append(out, mark...)
	if t.big {
		out = t.order.AppendUint16(out, 43)
		out = t.order.AppendUint16(out, 8)
		out = t.order.AppendUint16(out, 0)
		out = t.order.AppendUint64(out, uint64(16+len(t.lead)))
	} else {
		out = t.order.AppendUint16(out, 42)
		out = t.order.AppendUint32(out, uint32(8+len(t.lead)))
	}
	out = append(out, t.lead...)
	for i, d := range t.dirs {
		out = t.appendDir(out, d, i == len(t.dirs)-1)
	}
	return append(out, t.tail...)
}

func (t *tiff) pointer(out []byte, v uint64) []byte {
	if t.big {
		return t.order.AppendUint64(out, v)
	}
	return t.order.AppendUint32(out, uint32(v))
}

func (t *tiff) appendDir(out []byte, d dir, last bool) []byte {
	lay := classicLayout
	if t.big {
		lay = bigLayout
	}
	tags := d.tags
	var children []byte
	if len(d.subs) > 0 {
		tags = append(tags[:len(tags):len(tags)], t.long(tagSubIFDs, make([]uint32, len(d.subs))...))
	}
	valuesAt := len(out) + int(lay.count) + len(tags)*int(lay.entry) + int(lay.pointer)
	values := 0
	for _, g := range tags {
		if len(g.data) > int(lay.inline) {
			values += len(g.data)
		}
	}
	// The children come after the values; their offsets are then known.
	for i, sub := range d.subs {
		at := valuesAt + values + len(children)
		t.order.AppendUint32(tags[len(tags)-1].data[4*i:4*i], uint32(at))
		children = t.appendDir(append(make([]byte, at-len(children)), children...), sub, true)[at-len(children):]
	}
	if t.big {
		out = t.order.AppendUint64(out, uint64(len(tags)))
	} else {
		out = t.order.AppendUint16(out, uint16(len(tags)))
	}
	var stored []byte
	for _, g := range tags {
		out = t.order.AppendUint16(t.order.AppendUint16(out, g.id), g.kind)
		out = t.pointer(out, g.count)
		switch {
		case g.where != nil:
			out = t.pointer(out, *g.where)
		case len(g.data) > int(lay.inline):
			out = t.pointer(out, uint64(valuesAt+len(stored)))
			stored = append(stored, g.data...)
		default:
			out = append(append(out, g.data...), make([]byte, int(lay.inline)-len(g.data))...)
		}
	}
	next := uint64(valuesAt + values + len(children))
	if last {
		next = 0
	}
	if d.next != nil {
		next = uint64(*d.next)
	}
	out = t.pointer(out, next)
	return append(append(out, stored...), children...)
}
