import type { Chat } from "@therapyconnect/client";
import { Component, type JSX } from "preact";
import type { Asked } from "./deeds";
import { same, type Block } from "./layout";
import { MessageItem } from "./MessageItem";

interface Props {
  readonly chat: Chat;
  readonly block: Block;
  /** Too far away to be drawn: its height, kept so that nothing moves. */
  readonly height: number | undefined;
  readonly open: boolean;
  readonly asked: Asked;
  readonly onJump: (messageId: string) => void;
  readonly watch: (element: HTMLElement | null, key: string) => void;
}

/** Some messages in a row; drawn anew only where one of them changed, and not at all while far away. */
export class MessageBlock extends Component<Props> {
  readonly #ref = (element: HTMLElement | null): void => this.props.watch(element, this.props.block.key);

  override shouldComponentUpdate(next: Props): boolean {
    const { block, height, open } = this.props;
    if (height !== next.height || open !== next.open) return true;
    if (height !== undefined) return false;
    const { items } = next.block;
    return items.length !== block.items.length || items.some((item, index) => !same(item, block.items[index]));
  }

  override render({ chat, block, height, open, asked, onJump }: Props): JSX.Element {
    if (height !== undefined) return <ol ref={this.#ref} class="far" role="presentation" style={{ height: `${height}px` }} />;
    return (
      <ol ref={this.#ref}>
        {block.items.flatMap((item) => {
          const { message } = item;
          const drawn = <MessageItem key={message.id} chat={chat} item={item} open={open} asked={asked} onJump={onJump} />;
          if (!item.first) return [drawn];
          return [
            <li key="line" class="newline" data-newline>
              <span>New messages</span>
            </li>,
            drawn,
          ];
        })}
      </ol>
    );
  }
}
