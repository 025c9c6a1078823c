package headercache

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
)

// An entry's file: magic, the SHA-256 of all that follows and of the name, then the entry's numbers as
// varints and its bytes, each preceded by their length.
const magic = "cogweave header 2\n"

var errDamaged = errors.New("a damaged entry")

func checksum(name string, body []byte) []byte {
	h := sha256.New()
	h.Write([]byte(name))
	h.Write([]byte{0})
	h.Write(body)
	return h.Sum(nil)
}

func encode(name string, e Entry) []byte {
	size := 64 + len(e.ETag)
	for _, p := range e.Pieces {
		size += 20 + len(p.Data)
	}
	body := make([]byte, 0, size)
	body = appendBytes(body, []byte(e.ETag))
	body = binary.AppendUvarint(body, uint64(e.Size))
	body = binary.AppendUvarint(body, uint64(len(e.Pieces)))
	for _, p := range e.Pieces {
		body = binary.AppendUvarint(body, uint64(p.Start))
		body = appendBytes(body, p.Data)
	}
	text := append([]byte(magic), checksum(name, body)...)
	return append(text, body...)
}

func appendBytes(to, data []byte) []byte {
	return append(binary.AppendUvarint(to, uint64(len(data))), data...)
}

// decode reads an entry. Its pieces are parts of text.
func decode(name string, text []byte) (e Entry, err error) {
	rest, ok := bytes.CutPrefix(text, []byte(magic))
	if !ok || len(rest) < sha256.Size {
		return e, errDamaged
	}
	sum, body := rest[:sha256.Size], rest[sha256.Size:]
	if !bytes.Equal(sum, checksum(name, body)) {
		return e, errDamaged
	}
	// The checksum holds: what follows is what encode wrote, unless another version did.
	r := reader{body: body}
	e.ETag = string(r.bytes())
	e.Size = int64(r.number())
	for n := r.number(); n > 0 && !r.failed; n-- {
		e.Pieces = append(e.Pieces, Piece{Start: int64(r.number()), Data: r.bytes()})
	}
	if r.failed || len(r.body) > 0 {
		return Entry{}, errDamaged
	}
	return e, nil
}

type reader struct {
	body   []byte
	failed bool
}

func (r *reader) number() uint64 {
	v, n := binary.Uvarint(r.body)
	if n <= 0 {
		r.failed, r.body = true, nil
		return 0
	}
	r.body = r.body[n:]
	return v
}

func (r *reader) bytes() []byte {
	n := r.number()
	if n > uint64(len(r.body)) {
		r.failed, r.body = true, nil
		return nil
	}
	data := r.body[:n:n]
	r.body = r.body[n:]
	return data
}
