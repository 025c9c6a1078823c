package op

import (
	"context"
	"encoding/json"
	"unsafe"

	"cogweave/core"
)

// Question is something that only the caller can answer: hrefs to sign, credentials to give, pixels to
// mask with a function of the user's.
type Question struct {
	// Name says which of the caller's answerers is meant: "sign", "credentials", "mask", ...
	Name string
	// About is what it is asked; encoding/json must be able to write it.
	About any
	// Blocks are arrays that go along by reference: JSON is no place for pixels.
	Blocks []Block
}

// Block is an array of a question, C-contiguous, in memory that the caller is given a share of: it may
// look at it for as long as it holds that share, whatever became of the question meanwhile.
type Block struct {
	Memory   Memory
	DType    core.DType
	Shape    []int
	Writable bool // the answer is written into it
}

// Memory is memory outside Go with counted shares.
type Memory interface {
	// Share takes one share more, for the caller to give back with cw_buffer_release.
	Share() (data unsafe.Pointer, bytes int64)
}

// question is a Question that waits for its answer.
type question struct {
	text   json.RawMessage
	blocks []Block
	answer chan json.RawMessage // of capacity 1: answering never blocks
}

// newQuestion writes a question as cw_op_asked gives it.
func newQuestion(q Question) (*question, error) {
	type block struct {
		DType    core.DType `json:"dtype"`
		Shape    []int      `json:"shape"`
		Writable bool       `json:"writable"`
	}
	told := struct {
		Name   string  `json:"name"`
		About  any     `json:"about"`
		Blocks []block `json:"blocks"`
	}{q.Name, q.About, make([]block, len(q.Blocks))}
	for i, b := range q.Blocks {
		told.Blocks[i] = block{b.DType, b.Shape, b.Writable}
	}
	text, err := json.Marshal(told)
	if err != nil {
		return nil, core.Errorf(core.Internal, "", "the question %q cannot be written as JSON: %w", q.Name, err)
	}
	return &question{text: text, blocks: q.Blocks, answer: make(chan json.RawMessage, 1)}, nil
}

// Ask puts a question to the caller and waits for the answer or the end of ctx, or of the operation.
// The caller answers with a JSON object {"value": ...}, whose value is given here, or {"error": text}
// where its callable failed, which is a CallableFailed error. Any number of questions may wait at once.
func (o *Operation) Ask(ctx context.Context, about Question) (json.RawMessage, error) {
	q, err := newQuestion(about)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	o.asked++
	number := o.asked
	if o.asks == nil {
		o.asks = map[int64]*question{}
	}
	o.asks[number] = q
	o.mu.Unlock()
	defer o.forget(number)
	if !o.queue.Post(Event{Op: o.Handle, Kind: Ask, Value: number}) {
		return nil, core.Errorf(core.Cancelled, "QueueClosed", "nobody is left to answer: the queue was closed")
	}
	select {
	case answer := <-q.answer:
		return decodeAnswer(about.Name, answer)
	case <-ctx.Done():
		return nil, AsError(ctx.Err())
	case <-o.ctx.Done():
		return nil, AsError(o.ctx.Err())
	}
}

func decodeAnswer(name string, answer json.RawMessage) (json.RawMessage, error) {
	var a struct {
		Value json.RawMessage `json:"value"`
		Error *string         `json:"error"`
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		return nil, core.Errorf(core.InvalidArgument, "Answer", "%s: the caller's answer is not the JSON object that was asked for: %w", name, err)
	}
	if a.Error != nil {
		return nil, core.Errorf(core.InvalidArgument, "CallableFailed", "%s: the caller's function failed: %s", name, *a.Error)
	}
	return a.Value, nil
}

func (o *Operation) forget(number int64) {
	o.mu.Lock()
	delete(o.asks, number)
	o.mu.Unlock()
}

// waiting gives the question of a number. The caller holds the lock.
func (o *Operation) waiting(number int64) (*question, error) {
	if q := o.asks[number]; q != nil {
		return q, nil
	}
	return nil, core.Errorf(core.InvalidArgument, "NoQuestion",
		"the operation does not wait for an answer number %d (answered already, or cancelled)", number)
}

// Asked gives the JSON of a question that waits: {"name", "about", "blocks": [{"dtype", "shape",
// "writable"}]}.
func (o *Operation) Asked(number int64) (json.RawMessage, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	q, err := o.waiting(number)
	if err != nil {
		return nil, err
	}
	return q.text, nil
}

// AskedBlock takes a share of a block of a question that waits, for the caller.
func (o *Operation) AskedBlock(number, index int64) (data unsafe.Pointer, bytes int64, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	q, err := o.waiting(number)
	if err != nil {
		return nil, 0, err
	}
	if index < 0 || index >= int64(len(q.blocks)) {
		return nil, 0, core.Errorf(core.InvalidArgument, "NoBlock", "question %d has %d blocks: there is no number %d", number, len(q.blocks), index)
	}
	data, bytes = q.blocks[index].Memory.Share()
	return data, bytes, nil
}

// Answer hands the caller's answer to the question. The first answer counts.
func (o *Operation) Answer(number int64, answer json.RawMessage) error {
	if !json.Valid(answer) {
		return core.Errorf(core.InvalidArgument, "Answer", "answer number %d is not JSON", number)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	q, err := o.waiting(number)
	if err != nil {
		return err
	}
	delete(o.asks, number)
	q.answer <- answer
	return nil
}
