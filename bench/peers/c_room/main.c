/*
 * A chat room in C with libwebsockets, after its minimal server examples: each room keeps one log of framed messages,
 * each socket its place in it, and all is written from the writable callback, nothing dropped.
 *
 * The text of a message is passed on as its sender escaped it: a JSON string is the same string in the JSON going out.
 */
#include <libwebsockets.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { NAME_MAX_BYTES = 128, URI_MAX_BYTES = 256, FRAME_MAX_BYTES = 1 << 20, AROUND_BYTES = 256 };

struct message {
	struct message *next;
	unsigned waiting; /* sockets that have yet to be sent this */
	size_t length;
	unsigned char buffer[]; /* LWS_PRE bytes for the frame's header, then the text */
};

struct room {
	struct room *next;
	char name[NAME_MAX_BYTES];
	struct member *members;
	unsigned count;
	struct message *oldest, *newest;
};

struct member {
	struct lws *socket;
	struct room *room;
	struct member *next, **link;
	struct message *place; /* the next message to write, NULL when none waits */
	char *frame;           /* what came so far of a frame that comes in parts */
	size_t length;
};

struct span {
	const char *start, *end;
};

static struct room *rooms;
static unsigned long long number;
static volatile sig_atomic_t stopping;

/* --- JSON: finds the "message" of an object without decoding it --- */

static const char *skip_space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

/* From an opening quote to past the closing one; NULL when the string is broken. */
static const char *skip_string(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++) {
		if ((unsigned char)*p < 0x20)
			return NULL;
		if (*p == '\\' && (++p == end || !strchr("\"\\/bfnrtu", *p)))
			return NULL;
	}
	return p < end ? p + 1 : NULL;
}

/* Past a value of any kind, up to the comma or brace after it. */
static const char *skip_value(const char *p, const char *end)
{
	int depth = 0;

	while (p && p < end) {
		if (!depth && (*p == ',' || *p == '}'))
			return p;
		if (*p == '"') {
			p = skip_string(p, end);
			continue;
		}
		depth += *p == '{' || *p == '[';
		depth -= *p == '}' || *p == ']';
		p++;
	}
	return NULL;
}

static bool is_message(const char *key, const char *after)
{
	static const char wanted[] = "\"message\"";

	return (size_t)(after - key) == sizeof(wanted) - 1 && !memcmp(key, wanted, sizeof(wanted) - 1);
}

/* The string under "message", without its quotes. */
static bool find_message(const char *p, const char *end, struct span *found)
{
	p = skip_space(p, end);
	if (p == end || *p++ != '{')
		return false;
	for (;;) {
		const char *key = skip_space(p, end), *value;

		if (key == end || *key != '"' || !(p = skip_string(key, end)))
			return false;
		value = skip_space(p, end);
		if (value == end || *value != ':')
			return false;
		value = skip_space(value + 1, end);
		if (is_message(key, p)) {
			if (value == end || *value != '"' || !(p = skip_string(value, end)))
				return false;
			*found = (struct span){value + 1, p - 1};
			return true;
		}
		p = skip_value(value, end);
		if (!p || *p++ != ',')
			return false;
	}
}

/* --- messages --- */

static void write_time(char text[32])
{
	struct timespec now;
	struct tm parts;
	size_t length;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &parts);
	length = strftime(text, 32, "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(text + length, 32 - length, ".%03dZ", (int)(now.tv_nsec / 1000000));
}

static struct message *new_message(const struct room *room, struct span text)
{
	size_t size = AROUND_BYTES + strlen(room->name) + (size_t)(text.end - text.start);
	struct message *message = malloc(sizeof(*message) + LWS_PRE + size);
	char timestamp[32];

	if (!message)
		return NULL;
	write_time(timestamp);
	message->length = (size_t)snprintf((char *)message->buffer + LWS_PRE, size,
		"{\"type\":\"chat\",\"room\":\"%s\",\"id\":%llu,\"username\":\"ada\",\"message\":\"%.*s\",\"timestamp\":\"%s\"}",
		room->name, ++number, (int)(text.end - text.start), text.start, timestamp);
	message->waiting = room->count;
	message->next = NULL;
	return message;
}

static bool publish(struct room *room, struct span text)
{
	struct message *message = new_message(room, text);

	if (!message)
		return false;
	if (room->newest)
		room->newest->next = message;
	else
		room->oldest = message;
	room->newest = message;
	for (struct member *member = room->members; member; member = member->next) {
		/* One that has a place already asked to be written to. */
		if (member->place)
			continue;
		member->place = message;
		lws_callback_on_writable(member->socket);
	}
	return true;
}

static void move_on(struct member *member)
{
	member->place->waiting--;
	member->place = member->place->next;
}

/* A message is never done before an older one is, since every socket takes them in order. */
static void forget_sent(struct room *room)
{
	while (room->oldest && !room->oldest->waiting) {
		struct message *message = room->oldest;

		room->oldest = message->next;
		if (!room->oldest)
			room->newest = NULL;
		free(message);
	}
}

static int write_waiting(struct member *member)
{
	bool failed = false;

	while (member->place && !failed && !lws_send_pipe_choked(member->socket)) {
		struct message *message = member->place;

		failed = lws_write(member->socket, message->buffer + LWS_PRE, message->length, LWS_WRITE_TEXT) < 0;
		move_on(member);
	}
	forget_sent(member->room);
	if (member->place)
		lws_callback_on_writable(member->socket);
	return failed ? -1 : 0;
}

/* --- rooms --- */

static struct room *room_named(const char *name)
{
	struct room *room;

	for (room = rooms; room; room = room->next)
		if (!strcmp(room->name, name))
			return room;
	room = calloc(1, sizeof(*room));
	if (!room)
		return NULL;
	strcpy(room->name, name);
	room->next = rooms;
	rooms = room;
	return room;
}

static void drop_room(struct room *room)
{
	struct room **link = &rooms;

	while (*link != room)
		link = &(*link)->next;
	*link = room->next;
	free(room);
}

/* Names with a character that JSON would escape are refused, so that a name can be written out as it is. */
static bool read_name(struct lws *socket, char name[NAME_MAX_BYTES])
{
	char uri[URI_MAX_BYTES];
	int length = lws_hdr_copy(socket, uri, sizeof(uri), WSI_TOKEN_GET_URI);
	const char *wanted = uri + 4;

	if (length <= 4 || strncmp(uri, "/ws/", 4) || strlen(wanted) >= NAME_MAX_BYTES)
		return false;
	for (const char *p = wanted; *p; p++)
		if ((unsigned char)*p < 0x20 || strchr("\"\\/", *p))
			return false;
	strcpy(name, wanted);
	return true;
}

static int join(struct member *member, struct lws *socket)
{
	char name[NAME_MAX_BYTES];

	memset(member, 0, sizeof(*member));
	if (!read_name(socket, name) || !(member->room = room_named(name)))
		return -1;
	member->socket = socket;
	member->next = member->room->members;
	member->link = &member->room->members;
	if (member->next)
		member->next->link = &member->next;
	member->room->members = member;
	member->room->count++;
	return 0;
}

static void leave(struct member *member)
{
	struct room *room = member->room;

	free(member->frame);
	if (!room)
		return;
	*member->link = member->next;
	if (member->next)
		member->next->link = member->link;
	while (member->place)
		move_on(member);
	forget_sent(room);
	if (!--room->count)
		drop_room(room);
}

/* --- what libwebsockets calls --- */

static int say(struct member *member, const char *data, size_t length)
{
	struct span text;

	return find_message(data, data + length, &text) && publish(member->room, text) ? 0 : -1;
}

static bool keep(struct member *member, const char *data, size_t length)
{
	char *frame;

	if (member->length + length > FRAME_MAX_BYTES || !(frame = realloc(member->frame, member->length + length + 1)))
		return false;
	memcpy(frame + member->length, data, length);
	member->frame = frame;
	member->length += length;
	return true;
}

static int receive(struct member *member, const char *data, size_t length)
{
	bool last = lws_is_final_fragment(member->socket) && !lws_remaining_packet_payload(member->socket);
	int result;

	if (last && !member->length)
		return say(member, data, length);
	if (!keep(member, data, length))
		return -1;
	if (!last)
		return 0;
	result = say(member, member->frame, member->length);
	member->length = 0;
	return result;
}

static int on_event(struct lws *socket, enum lws_callback_reasons reason, void *user, void *data, size_t length)
{
	struct member *member = user;

	switch (reason) {
	case LWS_CALLBACK_ESTABLISHED:
		return join(member, socket);
	case LWS_CALLBACK_RECEIVE:
		return receive(member, data, length);
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return write_waiting(member);
	case LWS_CALLBACK_CLOSED:
		leave(member);
		return 0;
	default:
		return lws_callback_http_dummy(socket, reason, user, data, length);
	}
}

static void stop(int signal_number)
{
	(void)signal_number;
	stopping = 1;
}

static void allow_many_sockets(void)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int main(int argc, char **argv)
{
	static const struct lws_protocols protocols[] = {
		{.name = "room", .callback = on_event, .per_session_data_size = sizeof(struct member)},
		{.name = NULL},
	};
	struct lws_context_creation_info info = {
		.port = argc > 1 ? atoi(argv[1]) : 0,
		.iface = "127.0.0.1",
		.protocols = protocols,
		.options = LWS_SERVER_OPTION_DISABLE_IPV6 | LWS_SERVER_OPTION_VALIDATE_UTF8,
	};
	struct lws_context *context;

	lws_set_log_level(LLL_ERR, NULL);
	allow_many_sockets();
	context = lws_create_context(&info);
	if (!context)
		return 1;
	signal(SIGTERM, stop);
	signal(SIGINT, stop);
	while (!stopping && lws_service(context, 0) >= 0)
		;
	/* The kernel closes what is open; saying goodbye to a thousand sockets would only take time. */
	return 0;
}
