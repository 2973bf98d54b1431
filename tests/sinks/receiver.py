# SPDX-License-Identifier: Apache-2.0
"""Receivers that behave badly, and an HTTP server that writes down what it gets: what no real program does on demand."""

import http.server
import socket
import threading


class HttpReceiver:
    """An HTTP server; `answer` is asked for the status and the body of each answer."""

    def __init__(self, answer=None, port=0):
        self.requests = []  # (headers with names in lower case, body)
        self.paths = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                status, text = answer(len(receiver.requests), headers, body) if answer else (200, b"")
                receiver.paths.append(self.path)
                receiver.requests.append((headers, body))
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                """A relay that is killed breaks its connections."""

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Mute:
    """Accepts connections and says `greeting`, then nothing; what comes is read only if `reads`."""

    def __init__(self, greeting=b"", reads=False):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.port = self.listener.getsockname()[1]
        self.connections = []
        self.received = b""
        self.greeting, self.reads = greeting, reads
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        try:
            while True:
                connection, _ = self.listener.accept()
                self.connections.append(connection)
                connection.sendall(self.greeting)
                if self.reads:
                    threading.Thread(target=self.read, args=(connection,), daemon=True).start()
        except OSError:
            pass

    def read(self, connection):
        while data := connection.recv(65536):
            self.received += data

    def close(self):
        for connection in self.connections:
            connection.close()
        self.listener.close()
