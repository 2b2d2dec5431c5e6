// A chat room in Go with gorilla/websocket, after its chat example: a hub for each room, and one goroutine that writes
// to each socket; unlike the example, a full socket makes the room wait instead of being dropped.
package main

import (
	"bytes"
	"encoding/json"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

const (
	waitingMessages = 256
	// A socket that takes nothing for this long is gone; until then the room waits for it.
	writeWait = 60 * time.Second
)

type said struct {
	Message string `json:"message"`
}

type chat struct {
	Type      string `json:"type"`
	Room      string `json:"room"`
	ID        int64  `json:"id"`
	Username  string `json:"username"`
	Message   string `json:"message"`
	Timestamp string `json:"timestamp"`
}

type client struct {
	socket  *websocket.Conn
	waiting chan *websocket.PreparedMessage
	gone    chan struct{}
	leave   sync.Once
}

type hub struct {
	name    string
	users   int // guarded by roomsLock
	lock    sync.Mutex
	clients map[*client]struct{} // guarded by lock
}

var (
	number    int64
	roomsLock sync.Mutex
	rooms     = map[string]*hub{}
	upgrader  = websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 1024}
)

func frameOf(room, message string) (*websocket.PreparedMessage, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(chat{
		Type:      "chat",
		Room:      room,
		ID:        atomic.AddInt64(&number, 1),
		Username:  "ada",
		Message:   message,
		Timestamp: time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
	})
	if err != nil {
		return nil, err
	}
	return websocket.NewPreparedMessage(websocket.TextMessage, bytes.TrimSuffix(text.Bytes(), []byte("\n")))
}

// send holds the lock throughout, which is what gives every socket of the room the same order.
func (h *hub) send(message string) error {
	h.lock.Lock()
	defer h.lock.Unlock()
	frame, err := frameOf(h.name, message)
	if err != nil {
		return err
	}
	for c := range h.clients {
		select {
		case c.waiting <- frame:
		case <-c.gone:
		}
	}
	return nil
}

// join and part never hold both locks: a room that waits for a full socket must not hold up the other rooms.
func join(name string, c *client) *hub {
	h := enter(name)
	h.lock.Lock()
	defer h.lock.Unlock()
	h.clients[c] = struct{}{}
	return h
}

func (h *hub) part(c *client) {
	c.end()
	h.lock.Lock()
	delete(h.clients, c)
	h.lock.Unlock()
	roomsLock.Lock()
	defer roomsLock.Unlock()
	h.users--
	if h.users == 0 {
		delete(rooms, h.name)
	}
}

func enter(name string) *hub {
	roomsLock.Lock()
	defer roomsLock.Unlock()
	h := rooms[name]
	if h == nil {
		h = &hub{name: name, clients: map[*client]struct{}{}}
		rooms[name] = h
	}
	h.users++
	return h
}

func (c *client) end() {
	c.leave.Do(func() {
		close(c.gone)
		c.socket.Close()
	})
}

func (c *client) write() {
	defer c.end()
	for {
		select {
		case frame := <-c.waiting:
			c.socket.SetWriteDeadline(time.Now().Add(writeWait))
			if c.socket.WritePreparedMessage(frame) != nil {
				return
			}
		case <-c.gone:
			return
		}
	}
}

func (c *client) read(h *hub) {
	for {
		_, data, err := c.socket.ReadMessage()
		if err != nil {
			return
		}
		var frame said
		if json.Unmarshal(data, &frame) != nil || h.send(frame.Message) != nil {
			return
		}
	}
}

func talk(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/ws/")
	if name == "" || strings.Contains(name, "/") {
		http.NotFound(w, r)
		return
	}
	socket, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	c := &client{
		socket:  socket,
		waiting: make(chan *websocket.PreparedMessage, waitingMessages),
		gone:    make(chan struct{}),
	}
	h := join(name, c)
	defer h.part(c)
	go c.write()
	c.read(h)
}

func main() {
	http.HandleFunc("/ws/", talk)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}
