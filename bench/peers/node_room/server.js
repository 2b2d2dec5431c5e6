// A chat room in Node with the ws package, as its README teaches broadcasting: a loop over the open clients.
'use strict';

const { WebSocket, WebSocketServer } = require('ws');

const rooms = new Map();
let number = 0;

function chatOf(room, message) {
  number += 1;
  return { type: 'chat', room, id: number, username: 'ada', message, timestamp: new Date().toISOString() };
}

function send(room, sockets, message) {
  // A string would be encoded once for each socket.
  const data = Buffer.from(JSON.stringify(chatOf(room, message)));
  for (const socket of sockets) {
    if (socket.readyState === WebSocket.OPEN) socket.send(data, { binary: false });
  }
}

function join(room, socket) {
  const sockets = rooms.get(room) ?? new Set();
  rooms.set(room, sockets.add(socket));
  return sockets;
}

function leave(room, sockets, socket) {
  sockets.delete(socket);
  if (sockets.size === 0 && rooms.get(room) === sockets) rooms.delete(room);
}

function talk(socket, request) {
  const [, prefix, encoded, ...rest] = request.url.split('?', 1)[0].split('/');
  if (prefix !== 'ws' || !encoded || rest.length > 0) return socket.close(1008);
  const room = decodeURIComponent(encoded);
  const sockets = join(room, socket);
  socket.on('message', (data) => send(room, sockets, JSON.parse(data).message));
  socket.on('close', () => leave(room, sockets, socket));
  // A socket that fails is closed by the library; unhandled, the event would end the process.
  socket.on('error', () => {});
}

const server = new WebSocketServer({
  host: '127.0.0.1',
  port: Number(process.argv[2]),
  backlog: 4096,
  perMessageDeflate: false,
});
server.on('connection', talk);
process.on('SIGTERM', () => process.exit(0));
