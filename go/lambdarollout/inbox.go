package lambdarollout

import "sync"

// inbox is what the goroutines share that wait on one rollout. One of them at a time asks the library, in its turn, for all
// of them: who waits for the end meets events that another wants to have, and requests that have to be answered.
type inbox struct {
	turn chan struct{}

	mu     sync.Mutex
	events []Event
	over   bool
	// Closed with the next change.
	changed chan struct{}
}

func newInbox() inbox {
	return inbox{turn: make(chan struct{}, 1), changed: make(chan struct{})}
}

// take gives the next event, or else what to wait for; nil when nothing will come any more.
func (i *inbox) take() (event Event, found bool, changed <-chan struct{}) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.events) > 0 {
		event, i.events = i.events[0], i.events[1:]
		return event, true, nil
	}
	if i.over {
		return Event{}, false, nil
	}
	return Event{}, false, i.changed
}

// more gives what to wait for; nil when nothing will come any more, though events may lie here yet.
func (i *inbox) more() (changed <-chan struct{}) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.over {
		return nil
	}
	return i.changed
}

func (i *inbox) put(event Event) {
	i.change(func() { i.events = append(i.events, event) })
}

// end says that nothing will come any more.
func (i *inbox) end() {
	i.change(func() { i.over = true })
}

func (i *inbox) change(change func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change()
	close(i.changed)
	i.changed = make(chan struct{})
}
