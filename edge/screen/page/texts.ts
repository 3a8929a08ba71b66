/**
 * Everything the page says, in Vietnamese, Simplified Chinese and English.
 *
 * Short, polite, one thing at a time, and never a reproach: whoever stands here may be watched by
 * a queue. The compiler knows the table to be complete.
 */
import type { Instruction, Reason, StepName } from '../../gate/contract.ts'
import type { Language } from '../snapshot.ts'

export type Words = Readonly<Record<Language, string>>
export type StepStatus = 'todo' | 'now' | 'done' | 'failed'

/** An underscore keeps a Vietnamese compound on one line. */
const say = (vi: string, zh: string, en: string): Words => ({ vi: vi.replaceAll('_', '\u00a0'), zh, en })

export const languageNames: Words = say('Tiếng Việt', '中文', 'English')

/** BCP 47 tags, for screen readers and the choice of glyphs. */
export const languageTags: Words = say('vi', 'zh-Hans', 'en')

export const instructions: Readonly<Record<Instruction, Words>> = {
  'lay-document': say('Vui_lòng đặt giấy_tờ lên máy_đọc', '请将证件放在读取器上', 'Place your document on the reader'),
  'hold-still': say('Vui_lòng giữ yên', '请保持不动', 'Please hold still'),
  'please-wait': say('Vui_lòng chờ giây_lát', '请稍候', 'Please wait a moment'),
  'step-in': say('Xin_mời bước_vào', '请进入通道', 'Please step in'),
  'one-person': say('Mỗi lần chỉ một người vào', '每次仅限一人进入', 'One person at a time, please'),
  'take-belongings': say('Vui_lòng mang theo hành_lý', '请带好随身物品', 'Please take your belongings'),
  'look-at-camera': say('Vui_lòng nhìn vào camera', '请正视摄像头', 'Please look at the camera'),
  'turn-left': say('Từ_từ quay mặt sang trái', '请慢慢向左转头', 'Slowly turn your head to the left'),
  'turn-right': say('Từ_từ quay mặt sang phải', '请慢慢向右转头', 'Slowly turn your head to the right'),
  blink: say('Vui_lòng chớp mắt', '请眨眨眼', 'Please blink'),
  'come-closer': say('Vui_lòng lại gần hơn', '请靠近一些', 'Please come closer'),
  'place-finger': say('Đặt ngón_tay lên máy_quét', '请将手指放在指纹仪上', 'Place your finger on the scanner'),
  'lift-finger': say('Vui_lòng nhấc ngón_tay lên', '请抬起手指', 'Please lift your finger'),
  'go-through': say('Xin_mời đi qua', '请通行', 'Please go through'),
  'go-back': say('Vui_lòng quay lại lối_vào', '请退回入口', 'Please go back to the entrance'),
  'see-officer': say('Vui_lòng đến quầy gặp cán_bộ', '请前往人工柜台', 'Please see the officer at the counter'),
  'wait-for-officer': say('Vui_lòng đứng chờ, cán_bộ sẽ đến', '请在原地等候工作人员', 'Please wait here, an officer is coming'),
  'leave-now': say('Rời khỏi đây ngay!', '请立即离开！', 'Leave now!'),
  'use-other-gate': say('Vui_lòng sử_dụng cổng khác', '请使用其他通道', 'Please use another gate'),
}

/** Says where help is and nothing else; also for every reason that must not be told. */
export const neutral: Words = say('Cán_bộ sẽ hỗ trợ quý_khách.', '工作人员将为您办理。', 'An officer will help you.')

const technical = say('Cổng đang gặp sự_cố kỹ_thuật.', '通道设备出现故障。', 'This gate has a technical problem.')

export const reasons: Readonly<Record<Reason, Words>> = {
  'document-unreadable': say('Không đọc được giấy_tờ.', '未能读取证件。', 'Your document could not be read.'),
  'document-not-accepted': say('Cổng này không nhận loại giấy_tờ này.', '本通道不支持此类证件。', 'This gate does not take this kind of document.'),
  'document-expired': say('Giấy_tờ đã hết hạn.', '证件已过期。', 'Your document has expired.'),
  'document-revoked': neutral,
  'document-inconsistent': neutral,
  'document-unchecked': neutral,
  'watchlist-hit': neutral,
  'not-resident': say('Cổng này dành cho cư_dân đã đăng_ký.', '本通道仅供已登记的边民使用。', 'This gate is for registered residents.'),
  'face-no-match': say('Chưa xác_nhận được khuôn_mặt.', '未能确认面部信息。', 'Your face could not be confirmed.'),
  'face-not-found': say('Camera chưa nhìn thấy khuôn_mặt.', '摄像头未拍到面部。', 'The camera could not see your face.'),
  'face-several': say('Có nhiều khuôn_mặt trước camera.', '摄像头前有多张面孔。', 'There is more than one face at the camera.'),
  'face-attack': neutral,
  'face-unavailable': neutral,
  'finger-no-match': say('Chưa xác_nhận được vân_tay.', '未能确认指纹。', 'Your fingerprint could not be confirmed.'),
  'finger-missing': say('Chưa có ngón_tay trên máy_quét.', '未检测到手指。', 'There was no finger on the scanner.'),
  'finger-poor': say('Vân_tay chưa rõ.', '指纹不够清晰。', 'The fingerprint was not clear.'),
  'finger-unavailable': neutral,
  'not-alone': say('Chỉ một người được đứng trong cổng.', '通道内只能有一人。', 'Only one person may be in the gate.'),
  'object-left': say('Có đồ_vật để lại trong cổng.', '通道内有遗留物品。', 'Something was left in the gate.'),
  'walked-back': say('Việc kiểm_tra chưa hoàn_tất.', '检查尚未完成。', 'The check was not finished.'),
  'too-slow': say('Đã hết thời_gian.', '操作已超时。', 'The time ran out.'),
  'officer-granted': say('Cán_bộ đã cho_phép qua.', '工作人员已放行。', 'An officer has let you through.'),
  'officer-refused': say('Cán_bộ chưa thể cho quý_khách qua.', '工作人员未能放行。', 'The officer could not let you through.'),
  'officer-released': say('Cán_bộ đã mở cổng.', '工作人员已打开通道。', 'An officer has opened the gate.'),
  'barrier-blocked': say('Cửa đang bị vướng.', '闸门受阻。', 'The door is blocked.'),
  'barrier-forced': say('Cửa đã bị đẩy mở.', '闸门曾被推开。', 'The door was pushed open.'),
  'barrier-lost': technical,
  'reader-lost': technical,
  'camera-lost': technical,
  'presence-lost': technical,
  'lists-too-old': neutral,
  'clock-untrusted': neutral,
  'journal-unavailable': technical,
  restarted: say('Cổng vừa khởi_động lại.', '通道刚刚重新启动。', 'The gate has just restarted.'),
  service: say('Cổng đang được bảo_trì.', '通道正在维护。', 'This gate is being serviced.'),
  'fire-alarm': say('Có báo_cháy.', '火灾警报。', 'Fire alarm.'),
  'power-fail': say('Mất điện.', '电源中断。', 'The power has failed.'),
}

export const reconnecting: Words = say('Màn hình đang kết_nối lại.', '屏幕正在重新连接。', 'The screen is reconnecting.')
export const notReady: Words = say('Cổng chưa sẵn_sàng.', '通道尚未就绪。', 'This gate is not ready.')

export const stepNames: Readonly<Record<StepName, Words>> = {
  document: say('Giấy_tờ', '证件', 'Document'),
  enter: say('Vào cổng', '进入', 'Enter'),
  face: say('Khuôn_mặt', '面部', 'Face'),
  finger: say('Vân_tay', '指纹', 'Finger'),
  exit: say('Ra cổng', '通行', 'Exit'),
}

export const stepStatuses: Readonly<Record<StepStatus, Words>> = {
  todo: say('chưa đến', '未开始', 'to do'),
  now: say('đang làm', '进行中', 'now'),
  done: say('đã xong', '已完成', 'done'),
  failed: say('chưa đạt', '未通过', 'not passed'),
}

export const progress: Words = say('Các bước', '步骤', 'Steps')
export const chooseLanguage: Words = say('Chọn ngôn ngữ', '选择语言', 'Choose a language')
export const mirrorImage: Words = say('Hình ảnh của quý_khách từ camera', '摄像头实时画面', 'Live picture of you from the camera')

/** Which try this is; said from the second on. */
export const tryNumber = (attempt: number): Words => say(`Lần thứ ${attempt}`, `第 ${attempt} 次`, `Try ${attempt}`)
